//! Pages and JSON: made of the newest frames when somebody asks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value as Json;
use tokio::task::spawn_blocking;

use super::exposition::{Body, zipped};
use super::routes::joined;
use super::{App, Published, negotiate};
use crate::checks::CHECKS;
use crate::frame::Frame;
use crate::model::time::Timestamp;
use crate::status::{self, Polled};

/// Nothing from elsewhere, no script or style but ours, and no page of others around this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Of so many nodes a page is made in a millisecond or two.
const MANY: usize = 50;

/// A cluster as it was when somebody asked.
struct Now {
    name: Arc<str>,
    frame: Option<Arc<Frame>>,
    at: Timestamp,
}

impl Now {
    fn of(cluster: &Published) -> Self {
        Self { name: Arc::clone(cluster.name()), frame: cluster.frame(), at: crate::clock::now() }
    }

    fn nodes(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.view.members.len())
    }

    fn polled(&self) -> Polled<'_> {
        Polled { name: &self.name, frame: self.frame.as_deref(), now: self.at }
    }
}

fn all(app: &App) -> Vec<Now> {
    app.clusters.load().iter().map(Now::of).collect()
}

fn one(app: &App, name: &str) -> Result<Now, NotFound> {
    let clusters = app.clusters.load();
    let found = clusters.iter().find(|cluster| *cluster.name == *name).map(Now::of);
    found.ok_or(NotFound("cluster"))
}

/// No such thing of this name.
pub(super) struct NotFound(&'static str);

impl IntoResponse for NotFound {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, format!("404: there is no {} of this name\n", self.0)).into_response()
    }
}

/// Makes a text about so many nodes and sends it. Of many it takes a while, and is made beside the thread that serves; of few
/// that would win nothing, and every thread keeps memory of its own.
async fn send(
    headers: &HeaderMap,
    content_type: &'static str,
    nodes: usize,
    make: impl FnOnce() -> String + Send + 'static,
) -> Response {
    let made = if nodes > MANY { spawn_blocking(make).await } else { Ok(make()) };
    let Ok(text) = made else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "500: the page could not be made\n").into_response();
    };
    let gzip = negotiate::gzip(&joined(headers, header::ACCEPT_ENCODING));
    let Body { bytes, gzip } = zipped(Bytes::from(text), gzip).await;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

async fn page(headers: &HeaderMap, nodes: usize, make: impl FnOnce() -> String + Send + 'static) -> Response {
    let mut response = send(headers, "text/html; charset=utf-8", nodes, make).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn json(headers: &HeaderMap, nodes: usize, make: impl FnOnce() -> Json + Send + 'static) -> Response {
    send(headers, "application/json", nodes, || make().to_string() + "\n").await
}

pub(super) async fn fleet(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let (clusters, reload) = (all(&app), app.reload.is_some());
    let nodes = clusters.iter().map(Now::nodes).sum();
    page(&headers, nodes, move || {
        status::fleet(&clusters.iter().map(Now::polled).collect::<Vec<_>>(), reload)
    })
    .await
}

pub(super) async fn cluster(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NotFound> {
    let cluster = one(&app, &name)?;
    Ok(page(&headers, cluster.nodes(), move || status::cluster(&cluster.polled())).await)
}

/// Compiled in: it is there at night and without the internet.
pub(super) async fn runbook(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, NotFound> {
    let check = CHECKS.into_iter().find(|check| check.code == code).ok_or(NotFound("check"))?;
    if negotiate::html(&joined(&headers, header::ACCEPT)) {
        return Ok(page(&headers, 0, || status::runbook(check)).await);
    }
    Ok(send(&headers, "text/markdown; charset=utf-8", 0, || check.runbook.to_owned()).await)
}

pub(super) async fn runbooks(headers: HeaderMap) -> Response {
    page(&headers, 0, status::index).await
}

pub(super) async fn style(headers: HeaderMap) -> Response {
    send(&headers, "text/css; charset=utf-8", 0, || status::STYLE.to_owned()).await
}

pub(super) async fn script(headers: HeaderMap) -> Response {
    send(&headers, "text/javascript; charset=utf-8", 0, || status::SCRIPT.to_owned()).await
}

pub(super) async fn clusters_json(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let clusters = all(&app);
    let nodes = clusters.iter().map(Now::nodes).sum();
    json(&headers, nodes, move || {
        status::api::clusters(&clusters.iter().map(Now::polled).collect::<Vec<_>>())
    })
    .await
}

pub(super) async fn cluster_json(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NotFound> {
    let cluster = one(&app, &name)?;
    Ok(json(&headers, cluster.nodes(), move || status::api::cluster(&cluster.polled())).await)
}

pub(super) async fn events_json(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NotFound> {
    let cluster = one(&app, &name)?;
    Ok(json(&headers, cluster.nodes(), move || status::api::events(&cluster.polled())).await)
}
