//! What a process is called: by its command, or by the script that an interpreter runs.

/// Interpreters, without the version that follows their names.
const INTERPRETERS: [&str; 16] = [
    "ash", "bash", "dash", "fish", "ksh", "lua", "node", "perl", "php", "pypy", "python", "ruby",
    "sh", "tclsh", "wish", "zsh",
];

/// The command of these words: `python3->script` where an interpreter runs a script.
pub(super) fn command_name(words: &[String]) -> Option<String> {
    let first = words.first()?;
    let name = base(program(first));
    if name.is_empty() {
        return None;
    }
    let is_version = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-';
    let plain = name.trim_end_matches(is_version);
    let script = INTERPRETERS
        .contains(&plain)
        .then(|| script(plain, &words[1..]));
    Some(match script.flatten() {
        Some(script) => format!("{name}->{script}"),
        None => name.to_owned(),
    })
}

/// A program may put a sentence in the place of its path: `sshd: alice [priv]`, or all its words in one. A login
/// shell has a hyphen.
fn program(word: &str) -> &str {
    if word.starts_with('/') {
        let end = word.find(" -").or_else(|| word.find(": "));
        return &word[..end.unwrap_or(word.len())];
    }
    let first = word.split_whitespace().next().unwrap_or_default();
    first.trim_end_matches(':').trim_start_matches('-')
}

/// Options of an interpreter: which letters bring the program's text, and which options a value of their own.
struct Manner {
    text: &'static [char],
    long_text: &'static [&'static str],
    values: &'static [&'static str],
}

fn manner(interpreter: &str) -> Manner {
    let (text, long_text, values): (&[char], &[&str], &[&str]) = match interpreter {
        "python" | "pypy" => (&['c'], &[], &["-W", "-X"]),
        "perl" | "ruby" => (&['e', 'E'], &[], &["-I", "-r", "-C", "-F"]),
        "php" => (&['r', 'R', 'B', 'E'], &[], &["-c", "-d", "-z"]),
        "node" => (
            &['e', 'p'],
            &["--eval", "--print"],
            &["-r", "--require", "--import"],
        ),
        "lua" => (&['e'], &[], &["-l"]),
        _ => (
            &['c'],
            &["--command"],
            &["-o", "-O", "+o", "+O", "--rcfile", "--init-file"],
        ),
    };
    Manner {
        text,
        long_text,
        values,
    }
}

fn script<'a>(interpreter: &str, words: &'a [String]) -> Option<&'a str> {
    let manner = manner(interpreter);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let is_long = word.starts_with("--");
        match word.as_str() {
            "-m" if interpreter.starts_with("py") => return words.next().map(String::as_str),
            "-" => return None,
            "--" => return words.next().map(|word| base(word)),
            option if manner.values.contains(&option) => drop(words.next()),
            option if is_long && manner.long_text.contains(&option) => return None,
            // What follows is no file but a program.
            option if !is_long && option.starts_with('-') && option.contains(manner.text) => {
                return None;
            }
            option if option.starts_with(['-', '+']) => {}
            // Without a dot or a slash it may be anything.
            file if file.contains(['/', '.']) && !file.contains(char::is_whitespace) => {
                return Some(base(file)).filter(|name| !name.is_empty());
            }
            _ => return None,
        }
    }
    None
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first letters of the command line.
pub(super) fn command_start(words: &[String], letters: usize) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" ").chars().take(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_with_its_interpreter() {
        let table = [
            ("/usr/bin/postgres -D /data", "postgres"),
            ("/usr/bin/python3 /opt/memstat -u", "python3->memstat"),
            ("python3.11 -u tool.py x", "python3.11->tool.py"),
            ("python3 -m http.server", "python3->http.server"),
            ("python3 -c print()", "python3"),
            ("bash", "bash"),
            ("bash --rcfile 3 4", "bash"),
            ("-bash", "bash"),
            ("/bin/sh -e /etc/init.d/x start", "sh->x"),
            ("bash -lc /etc/secret.x", "bash"),
            ("python3 -uc import.time", "python3"),
            ("python3 -W ignore::a.b x.py", "python3->x.py"),
            ("perl -I /lib -ne print.1 x", "perl"),
            ("node -r ./x.js server.js", "node->server.js"),
            ("php -r phpinfo.x", "php"),
            ("perl5.36 -w /usr/bin/x", "perl5.36->x"),
            ("pythonic /x", "pythonic"),
            ("sshd: alice", "sshd"),
            ("/x/ y", ""),
        ];
        for (line, expected) in table {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let name = command_name(&words).unwrap_or_default();
            assert_eq!(name, expected, "{line}");
        }
        assert_eq!(command_name(&[]), None);
        // One word with blanks in it.
        let sentence = ["nginx: master process /usr/sbin/nginx".to_owned()];
        assert_eq!(command_name(&sentence).as_deref(), Some("nginx"));
        assert_eq!(
            command_start(&["/bin/a b".into(), "c".into()], 8).as_deref(),
            Some("/bin/a b")
        );
    }
}
