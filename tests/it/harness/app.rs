//! What a rider's app reads from a whole node, without the steps of a login.

use chargeghar::embedded::DataFolder;
use chargeghar::embedded::keys::Keys;
use chargeghar::entropy::Entropy;
use chargeghar::http::token::Tokens;
use chrono::TimeDelta;
use domain::ids::RiderId;
use serde_json::Value;

use super::node::TestNode;

impl TestNode {
    /// `GET /api/{path}` as this rider: the data of a good answer.
    pub async fn app(&self, rider: RiderId, path: &str) -> Value {
        let (config, entropy) = (self.config(), Entropy::system());
        let folder = DataFolder::open(config).unwrap();
        let keys = Keys::load(&folder, &config.auth, &entropy).unwrap();
        let (issuer, ttl) = (&config.auth.issuer, TimeDelta::minutes(5));
        let tokens = Tokens::new(&keys.signing, issuer, ttl, self.clock.clone()).unwrap();
        let token = tokens.mint(rider, entropy.uuid(), 1).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("{}/api/{path}", self.base_url)).bearer_auth(token);
        let mut body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body["success"], true, "{path}: {body}");
        body["data"].take()
    }
}
