use lazuli_domain::{AccessToken, MadeAccessToken, NewAccessToken};

use super::transport::Body;
use super::{Client, encode, ignore_body};
use crate::Result;

impl Client {
    /// Those that are not revoked, by name.
    pub fn access_tokens(&self) -> Result<Vec<AccessToken>> {
        self.get("/api/tokens")
    }

    /// The answer tells the token; nothing else ever does.
    pub fn create_access_token(&self, new: &NewAccessToken) -> Result<MadeAccessToken> {
        self.post("/api/tokens", new)
    }

    pub fn revoke_access_token(&self, name: &str) -> Result<()> {
        let target = format!("/api/tokens/{}", encode(name));
        ignore_body(self.send("DELETE", &target, Body::Empty)?)
    }
}
