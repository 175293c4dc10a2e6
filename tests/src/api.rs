use serde_json::Value;

/// The daemon's HTTP API as any program sees it.
pub struct Api {
    agent: ureq::Agent,
    url: String,
    token: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self.json()
    }

    /// The sentence and hint of a refusal with that status.
    #[track_caller]
    pub fn refused(self, status: u16) -> (String, String) {
        assert_eq!(self.status, status, "{}", self.text());
        let error = self.json();
        let text = |key: &str| error[key].as_str().unwrap_or("").to_owned();
        (text("message"), text("hint"))
    }
}

impl Api {
    pub(crate) fn new(url: String, token: String) -> Api {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Api { agent, url, token }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[("authorization", &format!("Bearer {}", self.token))])
    }

    /// With these headers and no others.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(self.url(path)).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", self.token));
        answer(request.send(body.to_string()))
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        let request = self.agent.put(self.url(path));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        answer(request.send(body))
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.expect("the daemon answers");
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_vec().expect("the daemon sends the whole body");
    Answer { status, body }
}
