//! What each path answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, MatchedPath, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::access::Admission;
use super::exposition::Source;
use super::{App, Published, health, negotiate, pages};

/// How long `POST /-/reload` waits to hear how it went.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The address that the client dialled, in every request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialled(pub(super) Option<SocketAddr>);

/// The address that the client comes from, in every request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Where the poll loops are judged.
pub(super) const HEALTHY: &str = "/-/healthy";

/// Where the first frames are awaited.
pub(super) const READY: &str = "/-/ready";

/// The routes of [`super`].
pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(pages::fleet))
        .route("/clusters/{name}", get(pages::cluster))
        .route("/runbooks", get(pages::runbooks))
        .route("/runbooks/{check}", get(pages::runbook))
        .route("/assets/page.css", get(pages::style))
        .route("/assets/page.js", get(pages::script))
        .route("/metrics", get(metrics))
        .route(HEALTHY, get(healthy))
        .route(READY, get(ready))
        .route("/-/reload", post(reload))
        .route("/api/v1/clusters", get(pages::clusters_json))
        .route("/api/v1/clusters/{name}", get(pages::cluster_json))
        .route("/api/v1/clusters/{name}/events", get(pages::events_json))
        .route("/api/v1/sd", get(service_discovery))
        .fallback(async || (StatusCode::NOT_FOUND, "404: there is no such page; / lists what there is\n"))
        .method_not_allowed_fallback(async || (StatusCode::METHOD_NOT_ALLOWED, "405: not with this method\n"))
        .layer(from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// Lets in whom it may, counts every request by route, and adds the headers that every response has.
async fn around(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let admission = match &app.access {
        Some(access) => access.admit(peer, request.uri().path(), request.headers()).await,
        None => Admission::Free,
    };
    let mut response = match admission {
        Admission::Free => next.run(request).await,
        Admission::StatusOnly => {
            let status = next.run(request).await.status();
            (status, format!("{status}\n")).into_response()
        }
        Admission::Refused(response) => response,
    };
    // The route and not the path: what clients make up must not become series.
    let handler = route.as_ref().map_or("other", MatchedPath::as_str);
    app.exporter.requested(handler, response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(access) = &app.access {
        access.add_headers(headers);
    }
    response
}

async fn metrics(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let clusters = app.clusters.load_full();
    let mut wanted = query.iter().filter(|(key, _)| key == "cluster").map(|(_, value)| value);
    let cluster = match (wanted.next(), wanted.next()) {
        (None, _) => None,
        (Some(name), None) => match clusters.iter().find(|cluster| *cluster.name == **name) {
            Some(cluster) => Some(cluster),
            None => return bad_request(format!("no cluster {name:?} is configured\n")),
        },
        _ => return bad_request("?cluster= may be given once\n".into()),
    };
    let format = negotiate::format(&joined(&headers, header::ACCEPT));
    let gzip = negotiate::gzip(&joined(&headers, header::ACCEPT_ENCODING));
    let source = Source {
        frames: cluster
            .map_or(&**clusters, std::slice::from_ref)
            .iter()
            .filter_map(Published::frame)
            .collect(),
        exporter: Arc::clone(&app.exporter),
        cluster: cluster.map(|cluster| Arc::clone(&cluster.name)),
        now: crate::clock::now(),
    };
    let slot = cluster.map_or(&app.bodies, |cluster| &*cluster.bodies);
    let body = slot.body(source, format, gzip, Instant::now()).await;
    let mut response = body.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if body.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn bad_request(text: String) -> Response {
    (StatusCode::BAD_REQUEST, text).into_response()
}

/// All values of a header as the one list that they are (RFC 9110 §5.3).
pub(super) fn joined(headers: &HeaderMap, name: HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

async fn healthy(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let stalled = health::stalled(&app.clusters.load(), crate::clock::now(), Instant::now());
    if stalled.is_empty() {
        return (StatusCode::OK, "healthy\n".into());
    }
    let line = |s: &health::Stalled| {
        format!("the poll loop of {:?} has stood still for {:.1} s\n", s.cluster, s.silent.as_secs_f64())
    };
    (StatusCode::SERVICE_UNAVAILABLE, stalled.iter().map(line).collect())
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let awaited = health::awaited(&app.clusters.load());
    if awaited.is_empty() {
        return (StatusCode::OK, "ready\n".into());
    }
    let line = |cluster: &Arc<str>| format!("the first poll of {cluster:?} has not ended\n");
    (StatusCode::SERVICE_UNAVAILABLE, awaited.iter().map(line).collect())
}

async fn reload(State(app): State<Arc<App>>) -> (StatusCode, String) {
    let Some(reload) = &app.reload else {
        return (StatusCode::FORBIDDEN, "reloading over HTTP needs --web.enable-lifecycle\n".into());
    };
    let (done, outcome) = oneshot::channel();
    match reload.try_send(done) {
        Ok(()) => {}
        Err(mpsc::error::TrySendError::Full(_)) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "a reload is under way\n".into());
        }
        Err(mpsc::error::TrySendError::Closed(_)) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "the exporter is stopping\n".into());
        }
    }
    match timeout(RELOAD_TIMEOUT, outcome).await {
        Ok(Ok(Ok(()))) => (StatusCode::OK, "reloaded\n".into()),
        Ok(Ok(Err(text))) => (StatusCode::INTERNAL_SERVER_ERROR, format!("not reloaded: {text}\n")),
        Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the exporter is stopping\n".into()),
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the reload has not ended yet\n".into()),
    }
}

async fn service_discovery(
    State(app): State<Arc<App>>,
    Extension(Dialled(local)): Extension<Dialled>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, (StatusCode, &'static str)> {
    let given = uri.authority().map(|authority| authority.as_str().to_owned());
    let given = given.or_else(|| Some(headers.get(header::HOST)?.to_str().ok()?.to_owned()));
    let host = match given.filter(|host| !host.is_empty()) {
        // A target is an address: `user@` has no place in it.
        Some(host) if host.parse::<Authority>().is_ok() && !host.contains('@') => host,
        Some(_) => return Err((StatusCode::BAD_REQUEST, "the Host header is not host:port\n")),
        None => local.map(|local| local.to_string()).ok_or((StatusCode::BAD_REQUEST, "Host is missing\n"))?,
    };
    let target = |cluster: &Published| {
        let name = &*cluster.name;
        json!({ "targets": [host], "labels": { "__param_cluster": name, "redis_cluster": name } })
    };
    let targets: Value = app.clusters.load().iter().map(target).collect();
    Ok(([(header::CONTENT_TYPE, "application/json")], targets.to_string()).into_response())
}
