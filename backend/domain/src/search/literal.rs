use super::ast::Literal;
use super::error::shown;
use super::lexer::{Kind, Token};
use super::schema::FieldType;
use super::status;
use super::time::{parse_duration, parse_moment};
use crate::RunStatus;

/// Largest whole number that a double holds exactly; no time lies beyond it.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// Why a value was refused: the sentence and what is allowed.
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) hint: String,
}

pub(super) struct Value {
    pub(super) literal: Literal,
    /// A date without a clock, which nothing should be equal to.
    pub(super) is_date: bool,
}

/// The value `token` stands for when it is compared with `field` (its name, for messages).
pub(super) fn literal(
    field: &str,
    kind: FieldType,
    token: &Token,
    now_ms: i64,
) -> Result<Value, Refused> {
    let literal = match (kind, &token.kind) {
        (FieldType::Time, Kind::Quoted { text, quote: '\'' | '"' }) => {
            let Some(moment) = parse_moment(text, now_ms) else {
                return Err(Refused {
                    message: format!("`{field}` is a time, and '{}' is none", shown(text)),
                    hint: "write milliseconds, '2026-11-25', '2026-11-25T10:00:00Z', 'now' or \
                           an age such as '-7d' or '-3h'"
                        .to_owned(),
                });
            };
            return Ok(Value { literal: Literal::Time(moment.ms), is_date: moment.is_date });
        }
        (FieldType::Time, Kind::Number(number)) => {
            if number.fract() != 0.0 || number.abs() > MAX_EXACT {
                return Err(Refused {
                    message: format!("`{field}` is a time, and {number} is none"),
                    hint: "times are whole milliseconds since the Unix epoch".to_owned(),
                });
            }
            Literal::Time(*number as i64)
        }
        (FieldType::Duration, Kind::Quoted { text, quote: '\'' | '"' }) => {
            match parse_duration(text) {
                Some(ms) => Literal::Number(ms as f64),
                None => {
                    return Err(Refused {
                        message: format!("`{field}` is a duration, and '{}' is none", shown(text)),
                        hint: "write milliseconds, or a text such as '90s' or '1h30m'".to_owned(),
                    });
                }
            }
        }
        (FieldType::Version, Kind::Quoted { text, quote: '\'' | '"' }) => match text.parse::<u32>()
        {
            Ok(number) => Literal::Number(f64::from(number)),
            Err(_) => return Err(not_a_number(field, token)),
        },
        (FieldType::Number | FieldType::Version | FieldType::Duration, Kind::Number(number)) => {
            // `-0` is the same number as `0` and should read the same.
            Literal::Number(if *number == 0.0 { 0.0 } else { *number })
        }
        (FieldType::Number | FieldType::Version, _) => return Err(not_a_number(field, token)),
        (FieldType::Time | FieldType::Duration, _) => {
            return Err(Refused {
                message: format!("`{field}` {} and cannot be compared with that", kind.is_a()),
                hint: "write a number of milliseconds, or a text in quotes".to_owned(),
            });
        }
        (FieldType::Text | FieldType::Status, _) => Literal::Text(text(field, token)?),
    };
    Ok(Value { literal, is_date: false })
}

/// A text, or the reason why this is none.
pub(super) fn text(field: &str, token: &Token) -> Result<String, Refused> {
    let (message, hint) = match &token.kind {
        Kind::Quoted { text, quote: '\'' | '"' } => return Ok(text.clone()),
        Kind::Number(number) => (
            format!("`{field}` compares with texts, got the number {number}"),
            format!("put it in quotes: '{number}'"),
        ),
        Kind::Quoted { text, .. } => (
            format!("`{field}` compares with texts, got the name `{}`", shown(text)),
            "backticks are for names; put a text in single or double quotes".to_owned(),
        ),
        Kind::Word(word) => (
            format!("the text {} is not quoted", shown(word)),
            format!("put it in quotes: '{}'", shown(word)),
        ),
        _ => (
            format!("`{field}` compares with texts, and this is none"),
            "put a text in single or double quotes".to_owned(),
        ),
    };
    Err(Refused { message, hint })
}

/// The statuses a word means, or what is allowed.
pub(super) fn statuses(word: &str) -> Result<Vec<RunStatus>, Refused> {
    let statuses = status::statuses(word);
    if !statuses.is_empty() {
        return Ok(statuses);
    }
    let words = status::words();
    let nearest = super::error::nearest(word, words.iter().copied());
    Err(Refused {
        message: format!("no run has the status '{}'", shown(word)),
        hint: match nearest {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => format!("a status is one of {}", words.join(", ")),
        },
    })
}

fn not_a_number(field: &str, token: &Token) -> Refused {
    match &token.kind {
        Kind::Quoted { text, .. } => Refused {
            message: format!("`{field}` compares with numbers, got the text '{}'", shown(text)),
            hint: match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => format!("write it without quotes: {number}"),
                _ => "write a number such as 0.9, -3 or 1e-5".to_owned(),
            },
        },
        _ => Refused {
            message: format!("`{field}` compares with numbers, and this is none"),
            hint: "write a number such as 0.9, -3 or 1e-5".to_owned(),
        },
    }
}
