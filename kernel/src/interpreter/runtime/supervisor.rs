//! The process that evcxr takes for its runtime. One thread, one `poll` loop.
//!
//! It never blocks on the kernel: what cannot be sent yet waits in a buffer, and while that is
//! full the user's pipes are not read. A cell that prints faster than anybody reads therefore
//! waits, and an interrupt still gets through.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use lazuli_domain::MIME_RUN_REQUEST;

use super::KERNEL_SOCKET;
use super::frame::{Death, Event, Order};
use super::markers::{MarkerParser, Piece};
use super::runner::{Runner, report};
use super::system;

/// Bytes waiting for the kernel above which the user's pipes are left alone.
const BACKLOG: usize = 1024 * 1024;
/// How long to wait for a second MIME type of the same display.
const DISPLAY_GRACE_MS: i32 = 5;
/// How often to look whether the cell waits for input.
const INPUT_CHECK_MS: i32 = 50;
/// Not UTF-8: evcxr's line reader fails, so it forgets the cell without starting a new runtime.
const FORGET_CELL: &[u8] = b"\xff\n";

/// Runs until evcxr closes our standard input.
pub fn supervise() -> ! {
    // SAFETY: plain calls in a process that has one thread.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"lazuli-superv".as_ptr());
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::signal(libc::SIGINT, libc::SIG_IGN);
    }
    let status = match Supervisor::start().and_then(Supervisor::run) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the supervisor of the cells failed: {error}");
            70
        }
    };
    std::process::exit(status)
}

struct Supervisor {
    runner: i32,
    runner_alive: OwnedFd,
    commands: OwnedFd,
    reports: OwnedFd,
    wake: OwnedFd,
    /// Where a line for the cell's standard input goes.
    input: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    /// Kept open so that the pipes do not end with a runner.
    _writing_ends: (OwnedFd, OwnedFd),
    /// The runner's ends, kept for the checkpoints that share them.
    cell: CellState,
    /// Orders of the kernel that have not arrived whole.
    orders: Vec<u8>,
    /// Lines of evcxr that have not arrived whole.
    requests: Vec<u8>,
    outgoing: Vec<u8>,
}

#[derive(Default)]
struct CellState {
    /// As the kernel counts them.
    number: u32,
    is_running: bool,
    is_interrupted: bool,
    /// 0: none.
    checkpoint: i32,
    threads: u32,
    markers: MarkerParser,
    /// Marker lines that evcxr wants to see before the cell is complete.
    for_evcxr: Vec<String>,
    display: Option<(bool, Vec<(String, String)>)>,
    /// What the cell printed since its last newline.
    prompt: Vec<u8>,
    waits_for_input: bool,
}

impl Supervisor {
    fn start() -> io::Result<Supervisor> {
        let (stdout, cell_stdout) = system::pipe()?;
        let (stderr, cell_stderr) = system::pipe()?;
        let (input, cell_input) = system::message_pair()?;
        let (commands, cell_commands) = system::message_pair()?;
        let (reports, cell_reports) = system::message_pair()?;
        let (wake, cell_wake) = system::message_pair()?;
        // SAFETY: this process has one thread.
        let pid = unsafe { libc::fork() };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        if pid == 0 {
            // SAFETY: descriptors that are open; the runner needs none of the supervisor's.
            unsafe {
                libc::dup2(cell_input.as_raw_fd(), 0);
                libc::dup2(cell_stdout.as_raw_fd(), 1);
                libc::dup2(cell_stderr.as_raw_fd(), 2);
                libc::close(KERNEL_SOCKET);
            }
            drop((stdout, cell_stdout, stderr, cell_stderr, input, cell_input));
            drop((commands, reports, wake));
            Runner { commands: cell_commands, reports: cell_reports, wake: cell_wake }.run();
        }
        for descriptor in [&stdout, &stderr, &reports] {
            system::set_nonblocking(descriptor.as_raw_fd())?;
        }
        system::set_nonblocking(KERNEL_SOCKET)?;
        Ok(Supervisor {
            runner: pid,
            runner_alive: system::pidfd(pid)?,
            commands,
            reports,
            wake,
            input,
            stdout,
            stderr,
            _writing_ends: (cell_stdout, cell_stderr),
            cell: CellState::default(),
            orders: Vec::new(),
            requests: Vec::new(),
            outgoing: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let ready = self.wait()?;
            if ready.display_is_complete {
                self.send_display();
            }
            if ready.output {
                self.read_output(false);
            }
            if ready.kernel && !self.read_orders()? {
                break;
            }
            if ready.reports {
                self.read_reports()?;
            }
            if ready.runner_ended {
                // What it reported before it died counts.
                self.read_reports()?;
                if !self.replace_runner()? {
                    self.send_all();
                    system::kill_group(self.runner);
                    std::process::exit(3);
                }
            }
            if ready.evcxr && !self.read_requests()? {
                break;
            }
            if ready.nothing && self.cell.is_running {
                self.ask_for_input();
            }
            self.send_some();
            system::reap_orphans(&[self.runner, self.cell.checkpoint]);
        }
        system::kill_group(self.runner);
        if self.cell.checkpoint > 0 {
            system::kill_group(self.cell.checkpoint);
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<Ready> {
        let watch =
            |descriptor: RawFd, events: i16| libc::pollfd { fd: descriptor, events, revents: 0 };
        let output_events = if self.outgoing.len() < BACKLOG { libc::POLLIN } else { 0 };
        let kernel_events =
            if self.outgoing.is_empty() { libc::POLLIN } else { libc::POLLIN | libc::POLLOUT };
        let mut descriptors = [
            watch(0, libc::POLLIN),
            watch(KERNEL_SOCKET, kernel_events),
            watch(self.reports.as_raw_fd(), libc::POLLIN),
            watch(self.stdout.as_raw_fd(), output_events),
            watch(self.stderr.as_raw_fd(), output_events),
            watch(self.runner_alive.as_raw_fd(), libc::POLLIN),
        ];
        let timeout = if self.cell.display.is_some() {
            DISPLAY_GRACE_MS
        } else if self.cell.is_running && !self.cell.waits_for_input {
            INPUT_CHECK_MS
        } else {
            -1
        };
        system::poll(&mut descriptors, timeout)?;
        let happened = |index: usize| descriptors[index].revents != 0;
        let nothing = !(0..descriptors.len()).any(happened);
        Ok(Ready {
            evcxr: happened(0),
            kernel: descriptors[1].revents & !libc::POLLOUT != 0,
            reports: happened(2),
            output: happened(3) || happened(4),
            runner_ended: happened(5),
            display_is_complete: nothing && self.cell.display.is_some(),
            nothing,
        })
    }

    /// False when the kernel is gone.
    fn read_orders(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        match system::read(KERNEL_SOCKET, &mut buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => self.orders.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while let Some(order) = Order::take(&mut self.orders)? {
            match order {
                Order::Begin(number) => {
                    self.cell.number = number;
                    self.cell.prompt.clear();
                }
                Order::Interrupt(number) => {
                    // Before the cell has reported its checkpoint there is nothing to stop; the
                    // kernel repeats the order until the cell has ended.
                    if self.cell.is_running && self.cell.number == number && self.cell.threads > 0 {
                        self.cell.is_interrupted = true;
                        system::kill_group(self.runner);
                    }
                }
                Order::Fence(number) => {
                    self.read_output(true);
                    self.push(Event::Fence(number));
                }
                Order::Input(line) => {
                    self.cell.waits_for_input = false;
                    self.cell.prompt.clear();
                    let line = line.map(|line| line + "\n").unwrap_or_default();
                    system::send_message(self.input.as_raw_fd(), line.as_bytes())?;
                }
            }
        }
        Ok(true)
    }

    /// Takes `LOAD_AND_RUN library function` lines. False when evcxr has closed the pipe.
    fn read_requests(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        match system::read(0, &mut buffer)? {
            0 => return Ok(false),
            length => self.requests.extend_from_slice(&buffer[..length]),
        }
        while let Some(newline) = self.requests.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.requests.drain(..=newline).collect();
            let line = String::from_utf8_lossy(&line[..newline]).into_owned();
            let Some(command) = line.strip_prefix("LOAD_AND_RUN ") else {
                return Err(io::Error::other(format!("unknown request `{line}`")));
            };
            self.cell.is_running = true;
            self.cell.is_interrupted = false;
            self.cell.checkpoint = 0;
            self.cell.threads = 0;
            system::write_all(self.commands.as_raw_fd(), command.as_bytes())?;
        }
        Ok(true)
    }

    fn read_reports(&mut self) -> io::Result<()> {
        while let Some((kind, text)) = self.next_report()? {
            match kind {
                report::STARTED => {
                    let (checkpoint, threads) = text.split_once(' ').unwrap_or((&text, "1"));
                    self.cell.checkpoint = checkpoint.parse().unwrap_or(0);
                    self.cell.threads = threads.parse().unwrap_or(1);
                }
                report::PANIC_HOOK => {
                    let (location, message) = text.split_once('\n').unwrap_or(("", &text));
                    let (location, message) = (location.to_owned(), message.to_owned());
                    self.read_output(false);
                    self.push(Event::PanicHook { location, message });
                }
                report::LOAD_FAILED => self.push(Event::LoadFailed(text)),
                // Killed when it had just ended: the interrupt counts, and the checkpoint is still
                // there because only we end it.
                report::COMPLETE if self.cell.is_interrupted => {}
                report::COMPLETE => {
                    self.read_output(true);
                    self.end_cell();
                    for line in std::mem::take(&mut self.cell.for_evcxr) {
                        system::write_all(1, format!("{line}\n").as_bytes())?;
                    }
                    system::write_all(1, b"EVCXR_EXECUTION_COMPLETE\n")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn next_report(&mut self) -> io::Result<Option<(u8, String)>> {
        let mut buffer = vec![0; 64 * 1024];
        match system::read(self.reports.as_raw_fd(), &mut buffer) {
            Ok(length @ 1..) => {
                Ok(Some((buffer[0], String::from_utf8_lossy(&buffer[1..length]).into_owned())))
            }
            Ok(0) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the checkpoint in the place of a runner that ended. False when there is none, or when
    /// something has killed both.
    fn replace_runner(&mut self) -> io::Result<bool> {
        let status = system::wait(self.runner);
        // Children that the cell started are of its group.
        system::kill_group(self.runner);
        self.read_output(true);
        let death = match libc::WIFSIGNALED(status) {
            _ if self.cell.is_interrupted => Death::Interrupted,
            true => Death::Signaled(libc::WTERMSIG(status)),
            false => Death::Exited(libc::WEXITSTATUS(status)),
        };
        if !self.cell.is_running || self.cell.checkpoint == 0 {
            self.push(Event::Lost { death });
            return Ok(false);
        }
        self.runner = std::mem::take(&mut self.cell.checkpoint);
        self.runner_alive = system::pidfd(self.runner)?;
        system::write_all(self.wake.as_raw_fd(), b"!")?;
        if !self.runner_announces_itself()? {
            self.push(Event::Lost { death });
            return Ok(false);
        }
        let threads = self.cell.threads;
        self.end_cell();
        self.cell.for_evcxr.clear();
        self.push(Event::RolledBack { death, threads });
        system::write_all(1, FORGET_CELL)?;
        Ok(true)
    }

    fn runner_announces_itself(&mut self) -> io::Result<bool> {
        loop {
            let mut descriptors = [self.reports.as_raw_fd(), self.runner_alive.as_raw_fd()]
                .map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
            system::poll(&mut descriptors, -1)?;
            let has_ended = descriptors[1].revents != 0;
            match self.next_report()? {
                Some((report::READY, _)) => return Ok(true),
                None if has_ended => return Ok(false),
                _ => {}
            }
        }
    }

    fn end_cell(&mut self) {
        if self.cell.checkpoint > 0 {
            system::kill(self.cell.checkpoint, libc::SIGKILL);
        }
        self.cell.is_running = false;
        self.cell.waits_for_input = false;
        self.cell.prompt.clear();
        self.cell.checkpoint = 0;
    }

    /// Reads the user's pipes until they are empty. At the end of a cell nothing is held back.
    fn read_output(&mut self, at_end: bool) {
        let mut buffer = vec![0; 64 * 1024];
        // Both are read to the end each time: a full stderr must not stop stdout.
        while let Ok(length @ 1..) = system::read(self.stderr.as_raw_fd(), &mut buffer) {
            self.push(Event::Stderr(buffer[..length].to_vec()));
            if !at_end && self.outgoing.len() >= BACKLOG {
                break;
            }
        }
        while let Ok(length @ 1..) = system::read(self.stdout.as_raw_fd(), &mut buffer) {
            for piece in self.cell.markers.feed(&buffer[..length]) {
                self.take(piece);
            }
            if !at_end && self.outgoing.len() >= BACKLOG {
                break;
            }
        }
        if at_end {
            for piece in self.cell.markers.finish() {
                self.take(piece);
            }
            self.send_display();
        }
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => {
                self.send_display();
                match text.iter().rposition(|&byte| byte == b'\n') {
                    Some(newline) => self.cell.prompt = text[newline + 1..].to_vec(),
                    None => self.cell.prompt.extend_from_slice(&text),
                }
                self.push(Event::Stdout(text));
            }
            Piece::Content { mime, is_result, content } => {
                // Blocks of different types that follow each other are one display.
                let is_another =
                    self.cell.display.as_ref().is_some_and(|(was_result, contents)| {
                        // A request to follow a run is no form of the display beside it.
                        *was_result != is_result
                            || mime == MIME_RUN_REQUEST
                            || contents
                                .iter()
                                .any(|(known, _)| *known == mime || known == MIME_RUN_REQUEST)
                    });
                if is_another {
                    self.send_display();
                }
                let (_, contents) = self.cell.display.get_or_insert((is_result, Vec::new()));
                contents.push((mime, content));
            }
            Piece::Panicked => {
                self.cell.for_evcxr.push("EVCXR_PANIC_NOTIFICATION".to_owned());
                self.push(Event::Panicked);
            }
            Piece::ErrorReturned => {
                self.cell.for_evcxr.push("EVCXR_ERROR_OCCURRED".to_owned());
                self.push(Event::ErrorReturned);
            }
            Piece::VariableChangedType(line) => self.cell.for_evcxr.push(line),
        }
    }

    fn send_display(&mut self) {
        if let Some((is_result, contents)) = self.cell.display.take() {
            self.push(Event::Display { is_result, contents });
        }
    }

    fn ask_for_input(&mut self) {
        if !self.cell.waits_for_input && system::reads_standard_input(self.runner) {
            self.cell.waits_for_input = true;
            let prompt = String::from_utf8_lossy(&self.cell.prompt).into_owned();
            self.push(Event::InputWanted(prompt));
        }
    }

    fn push(&mut self, event: Event) {
        // A pending display happened before whatever comes now.
        if self.cell.display.is_some() && !matches!(event, Event::Display { .. }) {
            self.send_display();
        }
        self.outgoing.extend(event.encode());
    }

    /// Sends what the socket takes without waiting.
    fn send_some(&mut self) {
        let mut sent = 0;
        while sent < self.outgoing.len() {
            match system::write(KERNEL_SOCKET, &self.outgoing[sent..]) {
                Ok(count) => sent += count,
                // Full, or the kernel is gone; the latter is seen by the next read.
                Err(_) => break,
            }
        }
        self.outgoing.drain(..sent);
    }

    fn send_all(&mut self) {
        while !self.outgoing.is_empty() {
            let before = self.outgoing.len();
            self.send_some();
            if self.outgoing.len() == before {
                let mut descriptors =
                    [libc::pollfd { fd: KERNEL_SOCKET, events: libc::POLLOUT, revents: 0 }];
                if system::poll(&mut descriptors, -1).is_err()
                    || descriptors[0].revents & (libc::POLLERR | libc::POLLHUP) != 0
                {
                    return;
                }
            }
        }
    }
}

/// What `poll` found.
struct Ready {
    evcxr: bool,
    kernel: bool,
    reports: bool,
    output: bool,
    runner_ended: bool,
    display_is_complete: bool,
    nothing: bool,
}
