use crate::{ApiError, shown, stored_path};

/// A pattern for paths of files: `*` and `?` stand for characters within a name, `**` in place of a
/// name for any number of folders. A pattern that ends with `**` means every file below.
///
/// ```
/// # use lazuli_domain::Glob;
/// let glob = Glob::parse("animals/*/year-20??/**").unwrap();
/// assert!(glob.matches("animals/dog/year-2019/1/a.jpg"));
/// assert_eq!(glob.folder(), "animals");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    /// What stands before the first wildcard, whole names only.
    folder: String,
    is_wild: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    AnyFolders,
    Name(Vec<char>),
}

impl Glob {
    pub fn parse(pattern: &str) -> Result<Glob, ApiError> {
        let pattern = match pattern.trim_start_matches(['/', '.']) {
            // The root itself.
            "" if !pattern.contains("..") => "**".to_owned(),
            _ => stored_path(pattern)?,
        };
        let mut parts: Vec<Part> = pattern
            .split('/')
            .map(|part| match part {
                "**" => Part::AnyFolders,
                name => Part::Name(name.chars().collect()),
            })
            .collect();
        // Below a folder lies a file: `a/**` does not match a file `a`.
        if parts.last() == Some(&Part::AnyFolders) {
            parts.push(Part::Name(vec!['*']));
        }
        let names: Vec<&str> = pattern.split('/').collect();
        let literal = names.iter().take_while(|name| !is_wild(name)).count();
        let is_wild = literal < names.len();
        // The last name is a file's, not a folder's.
        let folders = if is_wild { literal } else { literal - 1 };
        Ok(Glob { parts, folder: names[..folders].join("/"), is_wild })
    }

    /// Every file below a folder; everything when it is empty.
    pub fn below(folder: &str) -> Result<Glob, ApiError> {
        if is_wild(folder) {
            return Err(ApiError::invalid(format!(
                "`{}` is a pattern, not a folder",
                shown(folder, 80)
            ))
            .hint("name a folder without `*` and `?`"));
        }
        Glob::parse(&format!("{}/**", folder.trim_matches('/')))
    }

    /// Whether it has wildcards at all; else it is the path of one file.
    pub fn is_wild(&self) -> bool {
        self.is_wild
    }

    /// The folder in which everything that matches lies; empty: the root.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// A matching path as it counts from [`Glob::folder`].
    pub fn relative<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.folder).map_or(path, |rest| rest.trim_start_matches('/'))
    }

    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<Vec<char>> = path.split('/').map(|name| name.chars().collect()).collect();
        // When a name does not fit, the last `**` takes one more: no deeper search is needed.
        let (mut part, mut name) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while name < names.len() {
            match self.parts.get(part) {
                Some(Part::AnyFolders) => {
                    retry = Some((part + 1, name));
                    part += 1;
                }
                Some(Part::Name(pattern)) if name_matches(pattern, &names[name]) => {
                    part += 1;
                    name += 1;
                }
                _ => match &mut retry {
                    Some((after, taken)) => {
                        *taken += 1;
                        (part, name) = (*after, *taken);
                    }
                    None => return false,
                },
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::AnyFolders)
    }
}

/// True when the text holds a wildcard.
fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn name_matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut character) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while character < name.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, character));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[character] => {
                at += 1;
                character += 1;
            }
            _ => match &mut retry {
                Some((after, taken)) => {
                    *taken += 1;
                    (at, character) = (*after, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::parse(pattern).unwrap();
        for path in matching {
            assert!(glob.matches(path), "`{pattern}` does not match `{path}`");
        }
        for path in others {
            assert!(!glob.matches(path), "`{pattern}` matches `{path}`");
        }
    }

    #[test]
    fn wildcards_of_names_stay_within_a_name() {
        check("data/*.csv", &["data/a.csv", "data/.csv"], &["data/a/b.csv", "a.csv", "data/a.CSV"]);
        check("year-20??/x", &["year-2019/x", "year-20äö/x"], &["year-201/x", "year-20/9/x"]);
        check("*a*b*", &["ab", "xaxbx"], &["ba", "a/b"]);
        check("*", &["a", ".hidden"], &["a/b"]);
        check("data/a.csv", &["data/a.csv"], &["data/a.csvx", "data/a.csv/b"]);
        check("/data//./*.csv", &["data/a.csv"], &["/data/a.csv"]);
        check("a[1]{2}#%2e", &["a[1]{2}#%2e"], &["a1"]);
    }

    #[test]
    fn two_stars_stand_for_folders() {
        check("**", &["a", "a/b/c"], &[]);
        check("a/**", &["a/b", "a/b/c"], &["a", "b/a", "ab/c"]);
        check("**/*.csv", &["a.csv", "a/b/c.csv"], &["a.csv/b"]);
        check("a/**/z", &["a/z", "a/b/z", "a/b/c/z", "a/z/z"], &["a", "z", "a/b/z/c"]);
        check("a/**/b/**/c", &["a/b/c", "a/x/b/b/y/c"], &["a/c", "a/b"]);
        check("**/x/**", &["x/a", "a/x/b"], &["x", "a/x"]);
        check("**/**/a", &["a", "b/a"], &["b"]);
    }

    #[test]
    fn many_stars_take_no_time() {
        let glob = Glob::parse(&"*a".repeat(100)).unwrap();
        assert!(!glob.matches(&"a".repeat(99)));
        assert!(!glob.matches(&format!("{}b", "a".repeat(250))));
        let glob = Glob::parse(&"**/a/".repeat(40)).unwrap();
        assert!(!glob.matches(&"a/b/".repeat(200)));
    }

    #[test]
    fn what_stands_before_the_wildcards_is_the_folder() {
        for (pattern, folder, wild) in [
            ("a/b/*.csv", "a/b", true),
            ("a/b/c.csv", "a/b", false),
            ("c.csv", "", false),
            ("*/a/b", "", true),
            ("a/b*/c/*", "a", true),
            ("", "", true),
            ("/", "", true),
            (".", "", true),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!((glob.folder(), glob.is_wild()), (folder, wild), "{pattern}");
        }
        assert_eq!(Glob::parse("a/**/*.csv").unwrap().relative("a/b/c.csv"), "b/c.csv");
        assert_eq!(Glob::below("a").unwrap().relative("a/b/c"), "b/c");
        assert!(Glob::below("/").unwrap().matches("a/b"));
    }

    #[test]
    fn a_pattern_stays_inside_too() {
        for bad in ["../*", "a/../../b", "..", "a\0*", "a\\*"] {
            assert!(Glob::parse(bad).is_err(), "{bad}");
        }
    }
}
