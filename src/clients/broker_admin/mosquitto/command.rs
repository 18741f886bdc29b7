//! The words of the plugin: commands, and what its answers say.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "command", rename_all = "camelCase")]
pub(super) enum Command {
    #[serde(rename = "setDefaultACLAccess")]
    SetDefaultAclAccess {
        acls: Vec<DefaultAccess>,
    },
    GetRole {
        rolename: String,
    },
    CreateRole {
        rolename: String,
        textname: String,
        acls: Vec<Acl>,
    },
    ModifyRole {
        rolename: String,
        acls: Vec<Acl>,
    },
    DeleteRole {
        rolename: String,
    },
    ListRoles {
        verbose: bool,
        count: i32,
        offset: i32,
    },
    GetClient {
        username: String,
    },
    CreateClient(Box<NewClient>),
    ModifyClient {
        username: String,
        textdescription: String,
    },
    SetClientPassword {
        username: String,
        password: String,
    },
    DeleteClient {
        username: String,
    },
    AddClientRole {
        username: String,
        rolename: String,
        priority: i32,
    },
    ListClients {
        verbose: bool,
        count: i32,
        offset: i32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NewClient {
    pub username: String,
    pub password: String,
    /// The only client id this user may connect with.
    pub clientid: String,
    pub textname: String,
    pub textdescription: String,
    pub roles: Vec<RoleOf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DefaultAccess {
    pub acltype: AclType,
    pub allow: bool,
}

/// What a role may do with a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Acl {
    pub acltype: AclType,
    pub topic: String,
    pub allow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AclType {
    PublishClientSend,
    PublishClientReceive,
    SubscribeLiteral,
    /// Only as a default.
    Subscribe,
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoleOf {
    pub rolename: String,
}

/// One of the answers in a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    pub correlation_data: String,
    pub error: Option<String>,
    pub data: Data,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Data {
    pub total_count: usize,
    pub clients: Vec<Client>,
    pub client: Option<Client>,
    pub roles: Vec<Role>,
    pub role: Option<Role>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Client {
    pub username: String,
    pub textname: String,
    pub textdescription: String,
    pub roles: Vec<RoleOf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub rolename: String,
    pub acls: Vec<Acl>,
}

impl Command {
    /// What no role allows is denied.
    pub fn deny_by_default() -> Command {
        let denied = |acltype| DefaultAccess { acltype, allow: false };
        let acls = vec![denied(AclType::PublishClientSend), denied(AclType::Subscribe)];
        Command::SetDefaultAclAccess { acls }
    }

    /// Whether this error of the plugin says that the command has been carried out before.
    pub fn is_done(&self, error: &str) -> bool {
        (matches!(self, Command::CreateRole { .. }) && error == "Role already exists")
            || (matches!(self, Command::DeleteRole { .. }) && error == "Role not found")
            || (matches!(self, Command::DeleteClient { .. }) && error == "Client not found")
    }
}

impl Client {
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has.rolename == role)
    }
}

impl Acl {
    pub fn publish(topic: &str) -> Acl {
        Acl { acltype: AclType::PublishClientSend, topic: topic.into(), allow: true }
    }

    /// To listen to exactly this filter, and to be sent what matches it.
    pub fn listen(filter: &str) -> [Acl; 2] {
        [AclType::SubscribeLiteral, AclType::PublishClientReceive].map(|acltype| Acl {
            acltype,
            topic: filter.into(),
            allow: true,
        })
    }
}
