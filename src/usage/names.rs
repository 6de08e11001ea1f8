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

/// A program may put a sentence in the place of its path: `sshd: alice [priv]`. A login shell has a hyphen.
fn program(word: &str) -> &str {
    if word.starts_with('/') {
        return word;
    }
    let first = word.split_whitespace().next().unwrap_or_default();
    first.trim_end_matches(':').trim_start_matches('-')
}

fn script<'a>(interpreter: &str, words: &'a [String]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-m" if interpreter.starts_with("py") => return words.next().map(String::as_str),
            // What follows is no file but a program.
            "-c" | "-e" | "-" => return None,
            "--" => return words.next().map(|word| base(word)),
            option if option.starts_with('-') => {}
            // Without a dot or a slash it may be the value of an option.
            file if file.contains(['/', '.']) => {
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
            ("bash --rcfile 3", "bash"),
            ("-bash", "bash"),
            ("/bin/sh -e /etc/init.d/x start", "sh"),
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
