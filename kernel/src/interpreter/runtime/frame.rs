//! Frames between kernel and supervisor: kind (1 byte), length (u32, little endian), payload.

use std::io::{self, Read, Write};

/// What the supervisor tells the kernel.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// One display: MIME types and their contents. `is_result` for the value of the last expression.
    Display {
        is_result: bool,
        contents: Vec<(String, String)>,
    },
    /// The panic hook ran. On the main thread and not caught by the user it is followed by
    /// [`Event::Panicked`].
    PanicHook {
        location: String,
        message: String,
    },
    /// The cell ended by a panic.
    Panicked,
    /// The cell ended by `?`.
    ErrorReturned,
    /// The cell's code could not be loaded.
    LoadFailed(String),
    /// The runner is gone and its checkpoint took over.
    RolledBack {
        death: Death,
        /// Threads that the process had when the checkpoint was made; more than one: lost.
        threads: u32,
    },
    /// The runner is gone and there was no checkpoint: all variables are lost.
    Lost {
        death: Death,
    },
    /// The cell reads its standard input; the text is what it printed as a prompt.
    InputWanted(String),
    /// Answer to [`Order::Fence`]: everything before it was sent.
    Fence(u32),
}

/// How a runner ended in the middle of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    Interrupted,
    Exited(i32),
    Signaled(i32),
}

/// What the kernel tells the supervisor.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// The cell of that number comes next.
    Begin(u32),
    /// Stop the cell of that number, if it runs.
    Interrupt(u32),
    Fence(u32),
    /// A line for the cell's standard input; none: end of file.
    Input(Option<String>),
}

impl Event {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Stdout(text) => frame(b'O', text),
            Self::Stderr(text) => frame(b'E', text),
            Self::Display { is_result, contents } => {
                let payload = serde_json::json!([is_result, contents]).to_string();
                frame(b'D', payload.as_bytes())
            }
            Self::PanicHook { location, message } => {
                frame(b'P', format!("{location}\n{message}").as_bytes())
            }
            Self::Panicked => frame(b'X', b""),
            Self::ErrorReturned => frame(b'?', b""),
            Self::LoadFailed(why) => frame(b'L', why.as_bytes()),
            Self::RolledBack { death, threads } => {
                frame(b'R', format!("{} {threads}", death.encode()).as_bytes())
            }
            Self::Lost { death } => frame(b'V', death.encode().as_bytes()),
            Self::InputWanted(prompt) => frame(b'N', prompt.as_bytes()),
            Self::Fence(number) => frame(b'F', &number.to_le_bytes()),
        }
    }

    fn decode(kind: u8, payload: Vec<u8>) -> io::Result<Event> {
        let text = || String::from_utf8_lossy(&payload).into_owned();
        Ok(match kind {
            b'O' => Self::Stdout(payload),
            b'E' => Self::Stderr(payload),
            b'D' => {
                let (is_result, contents) =
                    serde_json::from_slice(&payload).map_err(io::Error::other)?;
                Self::Display { is_result, contents }
            }
            b'P' => {
                let text = text();
                let (location, message) = text.split_once('\n').unwrap_or(("", &text));
                Self::PanicHook { location: location.into(), message: message.into() }
            }
            b'X' => Self::Panicked,
            b'?' => Self::ErrorReturned,
            b'L' => Self::LoadFailed(text()),
            b'R' => {
                let text = text();
                let (death, threads) = text.rsplit_once(' ').ok_or_else(malformed)?;
                Self::RolledBack {
                    death: Death::decode(death).ok_or_else(malformed)?,
                    threads: threads.parse().map_err(io::Error::other)?,
                }
            }
            b'V' => Self::Lost { death: Death::decode(&text()).ok_or_else(malformed)? },
            b'N' => Self::InputWanted(text()),
            b'F' => Self::Fence(number(&payload)?),
            _ => return Err(malformed()),
        })
    }
}

impl Death {
    fn encode(self) -> String {
        match self {
            Self::Interrupted => "interrupted".to_owned(),
            Self::Exited(code) => format!("exit {code}"),
            Self::Signaled(signal) => format!("signal {signal}"),
        }
    }

    fn decode(text: &str) -> Option<Death> {
        match text.split_once(' ') {
            None if text == "interrupted" => Some(Self::Interrupted),
            Some(("exit", code)) => code.parse().ok().map(Self::Exited),
            Some(("signal", signal)) => signal.parse().ok().map(Self::Signaled),
            _ => None,
        }
    }
}

impl Order {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Begin(cell) => frame(b'B', &cell.to_le_bytes()),
            Self::Interrupt(cell) => frame(b'I', &cell.to_le_bytes()),
            Self::Fence(number) => frame(b'F', &number.to_le_bytes()),
            Self::Input(Some(line)) => frame(b'A', line.as_bytes()),
            Self::Input(None) => frame(b'Z', b""),
        }
    }

    /// Takes the first whole order out of `bytes`.
    pub fn take(bytes: &mut Vec<u8>) -> io::Result<Option<Order>> {
        let Some(header) = bytes.get(..5) else { return Ok(None) };
        let (kind, length) = (header[0], number(&header[1..])? as usize);
        if bytes.len() < 5 + length {
            return Ok(None);
        }
        let payload: Vec<u8> = bytes.drain(..5 + length).skip(5).collect();
        Ok(Some(match kind {
            b'B' => Self::Begin(number(&payload)?),
            b'I' => Self::Interrupt(number(&payload)?),
            b'F' => Self::Fence(number(&payload)?),
            b'A' => Self::Input(Some(String::from_utf8_lossy(&payload).into_owned())),
            b'Z' => Self::Input(None),
            _ => return Err(malformed()),
        }))
    }
}

/// Sends an order; orders are small, the socket's buffer holds many.
pub fn send_order(mut socket: &std::os::unix::net::UnixStream, order: &Order) -> io::Result<()> {
    socket.write_all(&order.encode())
}

/// Reads events, blocking.
pub struct EventReader<R>(pub R);

impl<R: Read> EventReader<R> {
    pub fn next(&mut self) -> io::Result<Event> {
        let mut header = [0; 5];
        self.0.read_exact(&mut header)?;
        let mut payload = vec![0; number(&header[1..])? as usize];
        self.0.read_exact(&mut payload)?;
        Event::decode(header[0], payload)
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(5 + payload.len());
    bytes.push(kind);
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn number(bytes: &[u8]) -> io::Result<u32> {
    bytes.try_into().map(u32::from_le_bytes).map_err(|_| malformed())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed frame between kernel and supervisor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_round_trip() {
        for event in [
            Event::Stdout(b"a\n\xff".to_vec()),
            Event::Display {
                is_result: true,
                contents: vec![("text/html".into(), "<b>\n</b>".into())],
            },
            Event::PanicHook { location: "src/lib.rs:3:4".into(), message: "boom\nbang".into() },
            Event::RolledBack { death: Death::Exited(-1), threads: 3 },
            Event::Lost { death: Death::Signaled(11) },
            Event::Fence(7),
        ] {
            let bytes = event.encode();
            assert_eq!(EventReader(&bytes[..]).next().unwrap(), event);
        }
    }

    #[test]
    fn orders_may_arrive_in_pieces() {
        let mut bytes = Order::Begin(3).encode();
        let second = Order::Input(Some("x".into())).encode();
        bytes.extend(&second[..4]);
        assert_eq!(Order::take(&mut bytes).unwrap(), Some(Order::Begin(3)));
        assert_eq!(Order::take(&mut bytes).unwrap(), None);
        bytes.extend(&second[4..]);
        assert_eq!(Order::take(&mut bytes).unwrap(), Some(Order::Input(Some("x".into()))));
    }
}
