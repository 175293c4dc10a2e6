/// What kind of file that is, by its name. What a browser would run as a page or a script of this
/// address is plain text.
pub fn media_type(name: &str) -> &'static str {
    let extension = match name.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => name.to_ascii_lowercase(),
    };
    match extension.as_str() {
        "txt" | "log" | "err" | "cfg" | "conf" | "cnf" | "cf" | "ini" | "properties" | "prop"
        | "hocon" | "toml" | "yaml" | "yml" | "xml" | "json" | "js" | "mjs" | "py" | "py3"
        | "csv" | "tsv" | "md" | "rst" | "ipynb" | "mlmodel" | "mlproject" | "html" | "htm"
        | "xhtml" | "svg" | "css" => "text/plain",
        "png" => "image/png",
        "jpg" | "jpeg" | "jpe" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "tar" => "application/x-tar",
        "mp3" => "audio/mpeg",
        "wav" => "audio/x-wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn pages_are_text() {
        for (name, wanted) in [
            ("a.txt", "text/plain"),
            ("MLmodel", "text/plain"),
            ("mlproject", "text/plain"),
            ("c.png", "image/png"),
            ("d.pdf", "application/pdf"),
            ("b.pkl", "application/octet-stream"),
            ("nothing", "application/octet-stream"),
            ("page.HTML", "text/plain"),
            ("picture.svg", "text/plain"),
        ] {
            assert_eq!(media_type(name), wanted, "{name}");
        }
    }
}
