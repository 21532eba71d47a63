//! Runbooks as pages. They are ours, compiled in, and still no markup in them gets through unescaped.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::html::{Page, badge, command};
use super::report::Verdict;
use crate::checks::{CHECKS, Check};

/// The runbook of a check as a page.
pub fn runbook(check: &Check) -> String {
    let content = html! { article.runbook { (PreEscaped(render(check.runbook))) } };
    Page { title: check.code, verdict: None, crumb: Some(check.code), refresh: None, content }.render()
}

/// All runbooks.
pub fn index() -> String {
    let content = html! {
        h1 { "Runbooks" }
        ul.index {
            @for check in CHECKS {
                li {
                    (badge(Verdict::Firing(check.severity))) " "
                    a href={ "/runbooks/" (check.code) } { (check.code) } " " (check.summary)
                }
            }
        }
    };
    Page { title: "Runbooks", verdict: None, crumb: Some("Runbooks"), refresh: None, content }.render()
}

/// The text of one step: without its number, as markup.
pub(super) fn inline(step: &str) -> Markup {
    let text = step.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', '-', ' ']);
    let html = render(text);
    let inside = html.trim().strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    PreEscaped(inside.unwrap_or(&html).to_owned())
}

fn render(markdown: &str) -> String {
    let mut block: Option<String> = None;
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if &*kind == "console" => {
            block = Some(String::new());
            None
        }
        Event::Text(text) if block.is_some() => {
            block.iter_mut().for_each(|block| block.push_str(&text));
            None
        }
        Event::End(TagEnd::CodeBlock) if block.is_some() => {
            Some(Event::Html(console(&block.take().unwrap_or_default()).into_string().into()))
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Some(Event::Start(Tag::Link { link_type, dest_url: target(&dest_url), title, id }))
        }
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        other => Some(other),
    });
    let mut html = String::with_capacity(markdown.len() * 2);
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

/// Between the files the runbooks link to each other by file name.
fn target(link: &str) -> CowStr<'static> {
    match link.strip_suffix(".md") {
        Some(code) if CHECKS.iter().any(|check| check.code == code) => format!("/runbooks/{code}").into(),
        _ if link.starts_with("https://") => link.to_owned().into(),
        _ => "#".into(),
    }
}

/// Behind this mark a runbook says why its test does not run a command: what whoever runs it should know, too.
const NOT_RUN: &str = "# not run: ";

/// Lines behind a `$` can be copied.
fn console(block: &str) -> Markup {
    html! {
        @for line in block.lines() {
            @match line.strip_prefix("$ ").map(|line| line.split_once(NOT_RUN).unwrap_or((line, ""))) {
                Some((line, caution)) => {
                    (command(line.trim_end()))
                    @if !caution.is_empty() { p.caution.quiet { "Caution: " (caution) } }
                }
                None => pre { (line) },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_markup_and_html_stays_text() {
        let html = render(
            "# a\n\nx <script>x</script> [b](node_failed.md) [c](javascript:x) **d** <i>e</i>\n\n\
             ```console\n$ redis-cli <HOST>  # not run: it hurts\n```\n",
        );
        assert!(html.contains("<h1>a</h1>") && html.contains("<strong>d</strong>"), "{html}");
        assert!(html.contains("<a href=\"/runbooks/node_failed\">b</a> <a href=\"#\">c</a>"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("&lt;i&gt;e&lt;/i&gt;"), "{html}");
        assert!(html.contains("data-copy=\"redis-cli &lt;HOST&gt;\""), "{html}");
        assert!(html.contains("Caution: it hurts"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<i>"), "{html}");
    }

    #[test]
    fn every_link_of_every_runbook_leads_somewhere() {
        for check in CHECKS {
            assert!(!render(check.runbook).contains("href=\"#\""), "{}", check.code);
        }
    }

    #[test]
    fn a_step_has_no_number() {
        assert_eq!(inline("12. **Save** `it`.").into_string(), "<strong>Save</strong> <code>it</code>.");
        assert_eq!(inline("- Save.").into_string(), "Save.");
    }
}
