//! A run as a file of its own: the component with the state that it shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_domain::RunDetails;
use lazuli_domain::readable::escape_html as escape;
use sha2::{Digest, Sha256};

use super::html;

/// `script` is the built component; it runs in this page and nothing else does.
pub fn page(details: &RunDetails, script: &[u8]) -> serde_json::Result<String> {
    // What would end the element early is written so that JavaScript reads the same.
    let script = String::from_utf8_lossy(script).replace("</script", "<\\/script");
    let digest = STANDARD.encode(Sha256::digest(script.as_bytes()));
    let state = serde_json::to_string(details)?.replace('<', "\\u003c");
    let run = &details.run;
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; \
         base-uri 'none'; form-action 'none'\">\n\
         <title>{name} · Lazuli</title>\n\
         <style>html{{color-scheme:light dark}}body{{margin:20px auto;max-width:1200px;padding:0 16px}}\
         </style>\n</head>\n<body>\n\
         <main><lazuli-run-details run-id=\"{run_id}\"></lazuli-run-details></main>\n\
         <noscript>{picture}</noscript>\n\
         <script type=\"application/json\" id=\"lazuli-state\">{state}</script>\n\
         <script>{script}</script>\n</body>\n</html>\n",
        name = escape(&run.name),
        run_id = escape(&run.run_id),
        picture = html::render(details),
    ))
}
