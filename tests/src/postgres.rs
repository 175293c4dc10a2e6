//! PostgreSQL for tests, from the system's own packages.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::within;

/// The password of the tests' user: what no log, status or error may ever contain.
pub const PASSWORD: &str = "lapis-0f-the-tests";

/// Where Debian's packages put the programs, below a folder per version.
const PACKAGES: &str = "/usr/lib/postgresql";
const START: Duration = Duration::from_secs(30);

/// Keeps the server and ends with the tests, however they end: nobody holds the other end of its
/// standard input then. The folder goes with it.
const KEEPER: &str = r#"
programs=$0 folder=$1
start() { "$programs/postgres" -D "$folder/data" >>"$folder/log" 2>&1 </dev/null & server=$!; }
start
while read -r word; do
    case $word in
        start) start ;;
        stop) kill -INT "$server"; wait "$server" ;;
        crash) kill -QUIT "$server"; wait "$server" ;;
    esac
    echo done
done
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

/// A server on loopback, in a temporary folder, run by a user who is not root.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Keeper>,
    databases: AtomicU32,
}

struct Keeper {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A database of a test's own; it goes when it is dropped.
pub struct Database {
    server: &'static Postgres,
    name: String,
}

/// What the server is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// As a user has it: what is committed is on disk.
    Durable,
    /// Quicker, for tests that cut no power.
    Careless,
}

impl Postgres {
    /// The server that the tests of this process share, started when first asked for. `None`: it
    /// [is missing](Postgres::is_missing).
    pub fn shared() -> Option<&'static Postgres> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(|| Postgres::start(Disk::Careless)).as_ref()
    }

    /// True when the packages are not installed. That is said aloud, and on CI it is a failure.
    pub fn is_missing() -> bool {
        if programs().is_some() {
            return false;
        }
        let missing = "PostgreSQL is not installed (Debian: `apt-get install postgresql`)";
        assert!(std::env::var_os("CI").is_none(), "{missing}; on CI nothing is skipped");
        // Not by a macro: the test's captured output is shown only when it fails.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {missing}");
        true
    }

    /// A server of the caller's own, which may be stopped and started.
    pub fn start(disk: Disk) -> Option<Postgres> {
        if Postgres::is_missing() {
            return None;
        }
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("lazuli-postgres-").tempdir();
        // The keeper removes it: it outlives this process.
        let folder = folder.expect("a folder for PostgreSQL").keep();
        let user = Unprivileged::find();
        if let Some(user) = &user {
            chown(&folder, Some(user.uid), Some(user.gid)).expect("the folder is ours");
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
        let port = port.expect("a free port").port();
        initialise(&programs, &folder, user.as_ref(), port, disk);

        let mut keeper = as_user(Command::new("/bin/sh"), user.as_ref());
        keeper.args(["-c", KEEPER]).arg(&programs).arg(&folder).current_dir(&folder);
        // Ctrl-C in the terminal of the tests is not for it.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = keeper.spawn().expect("a shell");
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let keeper = Mutex::new(Keeper { process, orders, answers });
        let databases = AtomicU32::new(0);
        let server = Postgres { programs, folder, port, keeper, databases };
        server.wait_until_it_answers();
        Some(server)
    }

    /// Ends the server as its administrator does.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Ends the server as a crash does: nothing is told to anybody.
    pub fn crash(&self) {
        self.order("crash");
    }

    pub fn start_again(&self) {
        self.order("start");
        self.wait_until_it_answers();
    }

    /// An empty database of the caller's own on the shared server.
    pub fn database(&'static self) -> Database {
        Database { server: self, name: self.new_database() }
    }

    /// Makes an empty database and gives its name.
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// What `lazuli serve --database` is given.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://lazuli:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Runs statements as the superuser and gives what they answer: a line per row, `|` between
    /// columns.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        self.try_sql(database, statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    fn try_sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--username=lazuli"])
            .args(["--set=ON_ERROR_STOP=1", "--command", statements, "--dbname", database])
            .arg(format!("--host={}", self.folder.display()))
            .arg(format!("--port={}", self.port))
            .output()
            .expect("psql is installed with the server");
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn wait_until_it_answers(&self) {
        let mut said = String::new();
        within(START, "PostgreSQL (its log lies beside its data)", || {
            let ended = self.keeper().process.try_wait().expect("the keeper is our child");
            assert!(ended.is_none(), "PostgreSQL ended: {}", self.log());
            said = self.try_sql("postgres", "SELECT 'ready'").unwrap_or_else(|error| error);
            (said == "ready").then_some(())
        });
    }

    fn order(&self, word: &str) {
        let mut keeper = self.keeper();
        let orders = keeper.orders.as_mut().expect("it takes orders until it is dropped");
        writeln!(orders, "{word}").expect("the keeper lives");
        let mut answer = String::new();
        keeper.answers.read_line(&mut answer).expect("the keeper lives");
        assert_eq!(answer, "done\n", "{word}: {}", self.log());
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut keeper = self.keeper();
        drop(keeper.orders.take());
        let _ended = keeper.process.wait();
    }
}

impl Database {
    pub fn address(&self) -> String {
        self.server.address(&self.name)
    }

    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.name, statements)
    }

    /// Ends every connection to it, as the end of a process does with its connections.
    pub fn cut_connections(&self) {
        self.server.sql(
            "postgres",
            &format!(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE datname = '{}'",
                self.name
            ),
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        if let Err(error) = self.server.try_sql("postgres", &drop) {
            eprintln!("{drop}: {error}");
        }
    }
}

fn initialise(programs: &Path, folder: &Path, user: Option<&Unprivileged>, port: u16, disk: Disk) {
    let data = folder.join("data");
    let secret = folder.join("password");
    fs::write(&secret, PASSWORD).expect("the folder is ours");
    let mut initdb = as_user(Command::new(programs.join("initdb")), user);
    initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&secret).current_dir(folder).args([
        "--username=lazuli",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    ]);
    let output = initdb.output().expect("initdb can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         max_connections = 400\nshared_buffers = 32MB\nautovacuum = off\n",
        folder.display()
    );
    if disk == Disk::Careless {
        settings += "fsync = off\nfull_page_writes = off\n";
    }
    let path = data.join("postgresql.conf");
    let mut file = fs::File::options().append(true).open(path).expect("initdb wrote it");
    file.write_all(settings.as_bytes()).expect("it can be written");
}

/// The folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(PACKAGES).ok()?.flatten();
    let newest = versions
        .filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| Path::new(PACKAGES).join(format!("{version}/bin/initdb")).exists())
        .max()?;
    Some(Path::new(PACKAGES).join(format!("{newest}/bin")))
}

/// PostgreSQL does not run as root.
struct Unprivileged {
    uid: u32,
    gid: u32,
}

impl Unprivileged {
    /// `None`: the tests do not run as root either.
    fn find() -> Option<Unprivileged> {
        if fs::metadata("/proc/self").is_ok_and(|this| this.uid() != 0) {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("a list of users");
        let nobody = users.lines().find_map(|line| line.strip_prefix("nobody:"));
        let mut fields = nobody.expect("a user `nobody`").split(':').skip(1);
        let mut id = || fields.next().and_then(|id| id.parse().ok()).expect("an id");
        Some(Unprivileged { uid: id(), gid: id() })
    }
}

fn as_user(mut command: Command, user: Option<&Unprivileged>) -> Command {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}
