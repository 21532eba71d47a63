//! A headless Chromium, driven over the pipe of its DevTools protocol: no port, no driver program.
//!
//! `RCE_CHROMIUM` names another program than those that are looked for.
#![allow(
    clippy::disallowed_methods,
    reason = "a test starts a program, reads on a thread and waits by the clock"
)]

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::real::{available, end};

const PROGRAMS: [&str; 4] = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// Longer than anything here takes; reached only when something hangs.
const HANGS: Duration = Duration::from_secs(30);

/// What looks at a page: accessibility, contrast, overflow.
const AUDIT: &str = include_str!("audit.js");

fn program() -> String {
    let runs = |program: &&str| {
        let version =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    let named = std::env::var("RCE_CHROMIUM").ok();
    named.unwrap_or_else(|| PROGRAMS.iter().find(|program| runs(program)).unwrap_or(&PROGRAMS[0]).to_string())
}

/// A browser with one page. Dropped, it ends.
pub struct Browser {
    child: Child,
    calls: RefCell<ChildStdin>,
    messages: Receiver<Json>,
    session: String,
    last: Cell<u64>,
    /// What a page complained of: exceptions, refused loads, violated policies.
    complaints: RefCell<Vec<Json>>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it; `None`, saying so, where no browser is installed.
    pub fn start() -> Option<Self> {
        let program = program();
        if !available(&program) {
            return None;
        }
        let profile = TempDir::with_prefix("rce-browser-").expect("temporary directory");
        // The protocol is spoken over descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2", &program]);
        command.args([
            "--headless",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ]);
        command.args(["--disable-dev-shm-usage", "--no-first-run", "--lang=en-GB"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("sh");
        let calls = child.stdin.take().expect("piped");
        let mut replies = BufReader::new(child.stdout.take().expect("piped"));
        let (send, messages) = channel();
        spawn(move || {
            let mut bytes = Vec::new();
            while replies.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
                let message = serde_json::from_slice(&bytes[..bytes.len() - 1]).expect("JSON");
                if send.send(message).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        let mut this = Self {
            child,
            calls: RefCell::new(calls),
            messages,
            session: String::new(),
            last: Cell::new(0),
            complaints: RefCell::default(),
            _profile: profile,
        };
        let target = this.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            this.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        this.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            this.call(&format!("{domain}.enable"), &json!({}));
        }
        let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        this.call("Browser.grantPermissions", &permissions);
        this.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        Some(this)
    }

    /// Calls a method of the protocol.
    fn call(&self, method: &str, parameters: &Json) -> Json {
        let id = self.last.get() + 1;
        self.last.set(id);
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() && !method.starts_with("Browser.") {
            call["sessionId"] = self.session.as_str().into();
        }
        let mut calls = self.calls.borrow_mut();
        calls.write_all(format!("{call}\0").as_bytes()).expect("the browser listens");
        loop {
            let mut message =
                self.messages.recv_timeout(HANGS).unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method} {parameters}: {}", message["error"]);
                return message["result"].take();
            }
            self.hear(message);
        }
    }

    fn hear(&self, message: Json) {
        let complains = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
            _ => false,
        };
        if complains {
            self.complaints.borrow_mut().push(message);
        }
    }

    /// Loads a page.
    pub fn open(&self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
        self.until(
            "the page is loaded",
            &format!("document.readyState === 'complete' && location.href === {url:?}"),
        );
    }

    /// The value of an expression in the page.
    pub fn eval(&self, expression: &str) -> Json {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true
        });
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].take()
    }

    /// Text of the element of this selector; empty if there is none.
    pub fn text(&self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({selector:?})?.innerText ?? ''"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression holds; fails with the text of the page.
    pub fn until(&self, what: &str, expression: &str) {
        let until = Instant::now() + HANGS;
        while self.eval(&format!("Boolean({expression})")) != true {
            assert!(Instant::now() < until, "not within 30 s: {what}\n{}", self.text("body"));
            sleep(Duration::from_millis(50));
        }
    }

    /// Moves the mouse to the middle of an element, and returns where that is.
    pub fn point(&self, selector: &str) -> [Json; 2] {
        let mut middle = self.eval(&format!(
            "(() => {{ const element = document.querySelector({selector:?}); \
             element.scrollIntoView({{ block: 'center' }}); const box = element.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        let [x, y] = [middle[0].take(), middle[1].take()];
        self.call("Input.dispatchMouseEvent", &json!({ "type": "mouseMoved", "x": x, "y": y }));
        [x, y]
    }

    /// Clicks in the middle of an element, as a mouse does.
    pub fn click(&self, selector: &str) {
        let [x, y] = self.point(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Presses a key: `Tab`, `Enter`.
    pub fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => panic!("no key {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// What is in the clipboard.
    pub fn clipboard(&self) -> String {
        self.eval("navigator.clipboard.readText()").as_str().unwrap_or_default().to_owned()
    }

    /// From now on a window of this size, in one of the two schemes of colours.
    pub fn look(&self, width: u32, height: u32, dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media);
    }

    /// Whether pages may run their scripts.
    pub fn scripts(&self, run: bool) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !run }));
    }

    /// The page as an image, from the first of two elements to before the second; no higher than `most`.
    pub fn picture(&self, from: &str, to: &str, most: u32) -> Vec<u8> {
        let place = self.eval(&format!(
            "(() => {{ scrollTo(0, 0); const top = (selector) => \
             document.querySelector(selector)?.getBoundingClientRect().top ?? document.documentElement.scrollHeight; \
             return [top({from:?}), Math.min({most}, top({to:?}) - top({from:?})), innerWidth]; }})()"
        ));
        let clip = json!({ "x": 0, "y": place[0], "width": place[2], "height": place[1], "scale": 1 });
        let parameters =
            json!({ "format": "webp", "quality": 80, "clip": clip, "captureBeyondViewport": true });
        let image = self.call("Page.captureScreenshot", &parameters);
        BASE64_STANDARD.decode(image["data"].as_str().expect("an image")).expect("base64")
    }

    /// Passes over what the page has complained of: it was asked for.
    pub fn forgive(&self) {
        self.complaints.take();
    }

    /// Fails if something about the page keeps people out, or if it complained of anything since it was opened.
    pub fn is_sound(&self, what: &str) {
        let faults = self.eval(AUDIT);
        assert_eq!(faults, json!([]), "{what}: {faults:#}");
        let complaints = self.complaints.take();
        assert!(complaints.is_empty(), "{what}: {complaints:#?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
