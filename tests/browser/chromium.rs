//! A Chromium without a window, driven by the DevTools protocol: JSON over a WebSocket.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// An answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page in a browser of its own.
pub(crate) struct Page {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    calls: u64,
    events: VecDeque<Value>,
    _profile: TempDir,
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether there is a Chromium to be driven; in CI there must be.
pub(crate) fn has_chromium() -> bool {
    let found = Command::new("chromium")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = found.is_ok_and(|status| status.success());
    let required = std::env::var_os("PAGEMAP_VIZ_REQUIRE_BROWSER").is_some();
    assert!(is_there || !required, "CI has Chromium");
    if !is_there {
        eprintln!("skipped: there is no chromium");
    }
    is_there
}

impl Page {
    /// A blank page of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let profile = TempDir::new().expect("a directory");
        let mut command = Command::new("chromium");
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-sync",
            ])
            .args(["--disable-component-update", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium starts");
        let stderr = BufReader::new(child.stderr.take().expect("it was piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| Some(line.split_once("DevTools listening on ")?.1.to_owned()))
            .expect("chromium says where it listens");
        // Whoever stops reading stops who writes.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next();
        let stream = TcpStream::connect(host.expect("a host")).expect("chromium listens");
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let mut page = Self {
            socket: connect(&address, stream),
            child,
            session: None,
            calls: 0,
            events: VecDeque::new(),
            _profile: profile,
        };
        let target = page.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", &attach);
        page.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.call("Emulation.setDeviceMetricsOverride", &size);
        page
    }

    /// What the reader's system prefers.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, path: &Path, hash: &str) {
        // A new hash alone would load nothing.
        self.navigate("about:blank");
        self.navigate(&format!("file://{}{hash}", path.display()));
        assert_eq!(self.evaluate("window.pagemapViz.ready"), json!(true));
    }

    fn navigate(&mut self, url: &str) {
        self.call("Page.navigate", &json!({"url": url}));
        self.wait_for("Page.loadEventFired");
    }

    /// What a script comes to.
    pub(crate) fn evaluate(&mut self, script: &str) -> Value {
        let call = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", &call);
        assert!(result["exceptionDetails"].is_null(), "{script}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until a script comes to `true`.
    pub(crate) fn wait_until(&mut self, script: &str) {
        let begun = Instant::now();
        while self.evaluate(script) != json!(true) {
            let state = self.evaluate("JSON.stringify(window.pagemapViz.state())");
            assert!(begun.elapsed() < PATIENCE, "{script} stays false: {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Moves the mouse to a place of the window.
    pub(crate) fn hover(&mut self, (x, y): (f64, f64)) {
        self.mouse("mouseMoved", x, y, &json!({}));
    }

    /// Clicks there.
    pub(crate) fn click(&mut self, (x, y): (f64, f64)) {
        self.hover((x, y));
        let button = json!({"button": "left", "clickCount": 1});
        self.mouse("mousePressed", x, y, &button);
        self.mouse("mouseReleased", x, y, &button);
    }

    /// Turns the wheel there; below 0 is away from the reader.
    pub(crate) fn wheel(&mut self, (x, y): (f64, f64), turn: i32) {
        self.mouse("mouseWheel", x, y, &json!({"deltaX": 0, "deltaY": turn}));
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64, more: &Value) {
        let mut event = json!({"type": kind, "x": x, "y": y});
        for (name, value) in more.as_object().expect("an object") {
            event[name] = value.clone();
        }
        self.call("Input.dispatchMouseEvent", &event);
    }

    /// Presses a key that has a letter, or a name.
    pub(crate) fn press(&mut self, key: &str) {
        let mut down = json!({"type": "keyDown", "key": key});
        match key {
            "Enter" => {
                down["text"] = json!("\r");
                down["windowsVirtualKeyCode"] = json!(13);
            }
            letter if letter.chars().count() == 1 => down["text"] = json!(letter),
            _ => {}
        }
        self.call("Input.dispatchKeyEvent", &down);
        self.call(
            "Input.dispatchKeyEvent",
            &json!({"type": "keyUp", "key": key}),
        );
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// Clicks in the middle of an element.
    pub(crate) fn click_element(&mut self, selector: &str) {
        let script = format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let place = self.evaluate(&script);
        self.click(point(&place));
    }

    /// What is seen, as PNG.
    pub(crate) fn screenshot(&mut self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let engine = base64::engine::general_purpose::STANDARD;
        engine
            .decode(shot["data"].as_str().expect("letters"))
            .expect("base64")
    }

    /// Everything that went wrong, or went out.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.evaluate("0");
        let complaint = |event: &Value| {
            let method = event["method"].as_str()?;
            let params = &event["params"];
            let url = params["request"]["url"].as_str().unwrap_or_default();
            let is_local = ["file:", "data:", "blob:", "about:"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            match method {
                "Runtime.exceptionThrown" => Some(params.to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" => Some(params.to_string()),
                "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params.to_string()),
                "Network.requestWillBeSent" if !is_local => Some(format!("asked for {url}")),
                _ => None,
            }
        };
        self.events.iter().filter_map(complaint).collect()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(message.to_string()))
            .expect("chromium listens");
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no answer to {method}");
            let Some(answer) = self.receive() else {
                continue;
            };
            if answer["id"] == json!(id) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push_back(answer);
        }
    }

    fn wait_for(&mut self, method: &str) {
        let begun = Instant::now();
        loop {
            let is_it = |event: &Value| event["method"] == method;
            if let Some(at) = self.events.iter().position(is_it) {
                self.events.remove(at);
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{method} does not come");
            let event = self.receive();
            self.events.extend(event);
        }
    }

    fn receive(&mut self) -> Option<Value> {
        match self.socket.read() {
            Ok(Message::Text(text)) => Some(serde_json::from_str(&text).expect("JSON")),
            Ok(_) => None,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                None
            }
            Err(error) => panic!("chromium went away: {error}"),
        }
    }
}

/// A handshake over a socket that gives up early may take several steps.
fn connect(address: &str, stream: TcpStream) -> WebSocket<TcpStream> {
    let mut shaken = tungstenite::client(address, stream);
    loop {
        match shaken {
            Ok((socket, _)) => return socket,
            Err(tungstenite::HandshakeError::Interrupted(half)) => shaken = half.handshake(),
            Err(error) => panic!("chromium refuses: {error}"),
        }
    }
}

/// Two numbers that a script gave.
pub(crate) fn point(place: &Value) -> (f64, f64) {
    let number = |at: usize| place[at].as_f64().expect("a number");
    (number(0), number(1))
}
