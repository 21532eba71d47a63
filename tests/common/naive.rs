//! A second reading of recorded files, that shares nothing with the parsers: by lines and words, for tests to
//! compare with.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::PathBuf;

/// The recorded files of one node.
pub(crate) struct Files(PathBuf);

/// `key:value` lines.
pub(crate) struct Fields(String);

/// One line of CLUSTER NODES.
#[derive(Debug)]
pub(crate) struct NaiveRow {
    pub(crate) id: String,
    pub(crate) address: Option<(String, u16)>,
    pub(crate) bus_port: u16,
    pub(crate) hostname: Option<String>,
    pub(crate) flags: Vec<String>,
    pub(crate) primary: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) connected: bool,
    /// Ascending.
    pub(crate) slots: Vec<u16>,
    pub(crate) open: Vec<String>,
    words: Vec<String>,
}

impl Files {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A file that holds bulk bytes.
    pub(crate) fn text(&self, stem: &str) -> Option<String> {
        fs::read_to_string(self.0.join(format!("{stem}.txt"))).ok()
    }

    pub(crate) fn fields(&self, stem: &str) -> Fields {
        Fields(self.text(stem).unwrap())
    }

    pub(crate) fn integer(&self, stem: &str) -> Option<u64> {
        self.text(stem)?.trim().strip_prefix("(integer) ")?.parse().ok()
    }

    /// All strings and numbers of a RESP file in their order, without its structure.
    pub(crate) fn words(&self, stem: &str) -> Vec<String> {
        self.arrays_from(stem, 0).concat()
    }

    /// The words of each array inside the outer one.
    pub(crate) fn arrays(&self, stem: &str) -> Vec<Vec<String>> {
        self.arrays_from(stem, 1)
    }

    fn arrays_from(&self, stem: &str, skip: usize) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.0.join(format!("{stem}.resp"))).unwrap();
        let mut lines = text.split("\r\n");
        let mut arrays: Vec<Vec<String>> = Vec::new();
        while let Some(line) = lines.next() {
            let word = match line.chars().next() {
                Some('*') => {
                    arrays.push(Vec::new());
                    continue;
                }
                Some('$') => lines.next().unwrap(),
                Some(':') => &line[1..],
                _ => continue,
            };
            arrays.last_mut().unwrap().push(word.to_owned());
        }
        arrays.split_off(skip)
    }

    /// CLUSTER NODES, line by line.
    pub(crate) fn rows(&self) -> Vec<NaiveRow> {
        self.text("CLUSTER_NODES").unwrap().lines().map(NaiveRow::read).collect()
    }
}

impl Fields {
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let lines = self.0.split("\r\n").filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(':')).collect()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs().into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl NaiveRow {
    pub(crate) fn read(line: &str) -> Self {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let endpoint = words[1].split(',').next().unwrap();
        let (address, bus_port) = endpoint.split_once('@').unwrap();
        let colon = address.rfind(':').unwrap();
        let address = (address[..colon].to_owned(), address[colon + 1..].parse().unwrap());
        let mut slots = Vec::new();
        let (open, owned): (Vec<String>, Vec<String>) =
            words[8..].iter().cloned().partition(|w| w.starts_with('['));
        for word in owned {
            let (first, last) = word.split_once('-').unwrap_or((&word, &word));
            slots.extend(first.parse::<u16>().unwrap()..=last.parse().unwrap());
        }
        Self {
            id: words[0].clone(),
            address: (address != (String::new(), 0)).then_some(address),
            bus_port: bus_port.parse().unwrap(),
            hostname: words[1].split_once(',').map(|(_, host)| host.to_owned()),
            flags: words[2].split(',').map(str::to_owned).collect(),
            primary: (words[3] != "-").then(|| words[3].clone()),
            epoch: words[6].parse().unwrap(),
            connected: words[7] == "connected",
            slots,
            open,
            words,
        }
    }

    /// What is the same whoever shows the row, and whenever, as long as the topology is the same.
    pub(crate) fn topology(&self) -> String {
        let flags: Vec<_> = self.flags.iter().filter(|flag| *flag != "myself").cloned().collect();
        let slots: Vec<_> = self.words[8..].iter().filter(|word| !word.starts_with('[')).cloned().collect();
        let [id, address, primary, epoch] = [0, 1, 3, 6].map(|column| &self.words[column]);
        format!("{id} {address} {} {primary} {epoch} {}\n", flags.join(","), slots.join(" "))
    }
}
