//! A page read strictly: what a browser would have to mend, and what our pages have no use for, fails the test.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};

use html5gum::{Token, Tokenizer};

/// Elements without an end.
const VOID: [&str; 4] = ["link", "meta", "br", "hr"];

/// What the pages are made of. Neither frames nor forms, and no style or script in the page itself.
const ELEMENTS: [&str; 52] = [
    "a", "article", "b", "bdi", "body", "button", "code", "dd", "details", "div", "dl", "dt", "em", "footer",
    "g", "h1", "h2", "h3", "h4", "head", "header", "html", "li", "link", "main", "meta", "nav", "noscript",
    "ol", "p", "path", "pre", "rect", "script", "section", "span", "strong", "summary", "svg", "table",
    "tbody", "td", "th", "thead", "time", "title", "tr", "ul", "br", "hr", "h5", "h6",
];

const ATTRIBUTES: [&str; 27] = [
    "aria-current",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "aria-live",
    "charset",
    "class",
    "colspan",
    "content",
    "d",
    "data-copy",
    "data-refresh",
    "datetime",
    "defer",
    "height",
    "href",
    "http-equiv",
    "id",
    "lang",
    "name",
    "preserveaspectratio",
    "rel",
    "role",
    "scope",
    "src",
    "tabindex",
    "title",
];

/// More that only some elements have.
const MORE: [&str; 4] = ["type", "viewbox", "width", "start"];

/// One element.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// All text inside.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        self.attribute("class").split(' ').any(|one| one == class)
    }
}

/// A sound page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) elements: Vec<Element>,
}

impl Page {
    /// Reads a page; panics with what is wrong with it.
    pub(crate) fn read(html: &str) -> Self {
        let mut page = Self { elements: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        for token in Tokenizer::new(html) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => {
                    let name = text(&tag.name);
                    assert!(ELEMENTS.contains(&&*name), "<{name}> has no place in a page");
                    let attributes: BTreeMap<String, String> =
                        tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                    for attribute in attributes.keys() {
                        let known = ATTRIBUTES.contains(&&**attribute) || MORE.contains(&&**attribute);
                        assert!(known, "<{name} {attribute}> has no place in a page");
                    }
                    if !VOID.contains(&&*name) && !tag.self_closing {
                        open.push(page.elements.len());
                    }
                    page.elements.push(Element { name, attributes, text: String::new() });
                }
                Token::EndTag(tag) => {
                    let at = open.pop().expect("something is open");
                    assert_eq!(page.elements[at].name, text(&tag.name), "wrongly nested");
                }
                Token::String(said) => {
                    let said = text(&said);
                    open.iter().for_each(|at| page.elements[*at].text.push_str(&said));
                }
                Token::Doctype(_) => {}
                Token::Comment(comment) => panic!("a comment: {}", text(&comment)),
                Token::Error(error) => panic!("{:?}", *error),
            }
        }
        assert!(open.is_empty(), "not closed: {open:?}");
        page.check_ids();
        page.check_links();
        page
    }

    fn check_ids(&self) {
        let mut ids = BTreeSet::new();
        for id in self.elements.iter().map(|element| element.attribute("id")).filter(|id| !id.is_empty()) {
            assert!(ids.insert(id), "the id {id} stands twice");
        }
        for element in &self.elements {
            let labels = element.attribute("aria-labelledby").split(' ').filter(|id| !id.is_empty());
            let anchor = element.attribute("href").strip_prefix('#').into_iter();
            for id in labels.chain(anchor) {
                assert!(ids.contains(id), "{id} is named and is not there: {element:?}");
            }
        }
    }

    /// Nothing leads elsewhere, and nothing is loaded from elsewhere.
    fn check_links(&self) {
        for element in &self.elements {
            for attribute in ["href", "src"] {
                let link = element.attribute(attribute);
                let local = link.is_empty()
                    || link.starts_with('#')
                    || (link.starts_with('/') && !link.starts_with("//"));
                let icon = element.name == "link" && link.starts_with("data:image/svg+xml,");
                assert!(local || icon, "{element:?}");
            }
            if element.name == "script" {
                assert_eq!(element.attribute("src"), "/assets/page.js");
                assert!(element.text.is_empty());
            }
        }
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    pub(crate) fn one<'a>(&'a self, name: &'a str) -> &'a Element {
        let mut all = self.all(name);
        let first = all.next().unwrap_or_else(|| panic!("no <{name}>"));
        assert!(all.next().is_none(), "more than one <{name}>");
        first
    }

    pub(crate) fn id(&self, id: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.attribute("id") == id)
    }

    pub(crate) fn class<'a>(&'a self, class: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.has_class(class))
    }

    /// Paths of this server that it leads to.
    pub(crate) fn paths(&self) -> BTreeSet<String> {
        let links =
            self.elements.iter().flat_map(|element| ["href", "src"].map(|name| element.attribute(name)));
        links.filter(|link| link.starts_with('/')).map(str::to_owned).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
