/// `name=value`, as `%log` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub name: String,
    pub value: ValueSource,
}

/// Where the value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    Text(String),
    /// `{rust expression}`: the kernel evaluates it and puts its text here.
    Expression(String),
}

impl Assignment {
    pub(crate) fn parse(text: &str) -> Result<Assignment, String> {
        let (name, value) = split("log", text)?;
        let code = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let value = match code {
            Some(code) if code.trim().is_empty() => {
                return Err(format!("`{name}` has an empty expression"));
            }
            Some(code) => ValueSource::Expression(code.trim().to_owned()),
            None if value.is_empty() => return Err(format!("`{name}` has no value after `=`")),
            None => ValueSource::Text(value.to_owned()),
        };
        Ok(Assignment { name: name.to_owned(), value })
    }
}

/// `key=value` in plain text: a tag, an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

impl KeyValue {
    pub(crate) fn parse(text: &str) -> Result<KeyValue, String> {
        let (key, value) = split("set", text)?;
        Ok(KeyValue { key: key.to_owned(), value: value.to_owned() })
    }
}

fn split<'a>(verb: &str, text: &'a str) -> Result<(&'a str, &'a str), String> {
    match text.split_once('=') {
        Some(("", _)) => Err(format!("`{text}` has no name before `=`")),
        Some((name, value)) => Ok((name.trim(), value)),
        None => Err(format!("`{text}` does not say what to {verb}, write `{text}=value`")),
    }
}
