//! The socket is private, survives a dead predecessor, and knows its callers.

use axum::extract::ConnectInfo;
use axum::routing::get;

use super::*;

async fn whoami(ConnectInfo(peer): ConnectInfo<Peer>) -> String {
    format!("{} {}", peer == Peer::own(), peer.is_trusted())
}

#[tokio::test]
async fn a_caller_is_known_by_the_kernel() {
    let folder = tempfile::tempdir().unwrap();

    assert_eq!(ask(&folder.path().join("admin.sock")).await, "true true");
}

#[tokio::test]
async fn a_deep_folder_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a".repeat(120));
    fs::create_dir(&deep).unwrap();

    assert_eq!(ask(&deep.join("admin.sock")).await, "true true");
}

#[tokio::test]
async fn the_socket_is_for_its_user_only_and_gone_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    fs::write(&path, "left behind").unwrap();

    let socket = Socket::open(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    socket.serve(Router::new(), async {}).await.unwrap();

    assert_eq!(mode & 0o777, 0o600);
    assert!(!path.exists());
}

async fn ask(path: &Path) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let socket = Socket::open(path).unwrap();
    let (send, end) = tokio::sync::oneshot::channel::<()>();
    let served = crate::spawn::spawn(
        "socket",
        socket.serve(Router::new().route("/whoami", get(whoami)), async { drop(end.await) }),
    );
    let short = SocketPath::of(path).unwrap();
    let client = reqwest::Client::builder().unix_socket(short.as_path()).build().unwrap();
    let answer = client.get("http://node/whoami").send().await.unwrap().text().await.unwrap();
    drop(client);
    send.send(()).unwrap();
    served.await.unwrap().unwrap();
    answer
}
