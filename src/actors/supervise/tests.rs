//! A child that failed begins with what was read anew; one that runs is not started twice.

use parking_lot::Mutex;

use super::*;

/// Does what it is told.
struct Child;

enum Told {
    Fail,
}

impl Actor for Child {
    type Msg = Told;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Told>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Told>,
        Told::Fail: Told,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("told to".into())
    }
}

#[derive(Default)]
struct Diary {
    lines: Mutex<Vec<&'static str>>,
    child: Mutex<Option<ActorRef<Told>>>,
}

impl Spawner for Diary {
    type Key = u8;
    const KIND: &'static str = "test";

    async fn start(
        &self,
        _: u8,
        supervisor: ActorCell,
    ) -> Result<Option<ActorCell>, ActorProcessingErr> {
        let (actor, _) = Actor::spawn_linked(None, Child, (), supervisor).await?;
        self.lines.lock().push("start");
        *self.child.lock() = Some(actor.clone());
        Ok(Some(actor.get_cell()))
    }

    async fn reload(&self, _: u8) {
        self.lines.lock().push("reload");
    }

    fn isolated(&self, _: u8) {
        self.lines.lock().push("isolated");
    }
}

#[tokio::test]
async fn a_failed_child_begins_with_what_was_read_anew() {
    let diary = Arc::new(Diary::default());
    let supervisor = supervisor(&diary).await;
    start(&supervisor).await;

    let child = diary.child.lock().clone().unwrap();
    child.cast(Told::Fail).unwrap();
    while diary.lines.lock().len() < 3 {
        tokio::task::yield_now().await;
    }

    assert_eq!(*diary.lines.lock(), ["start", "reload", "start"]);
}

#[tokio::test]
async fn a_child_that_runs_is_not_started_twice() {
    let diary = Arc::new(Diary::default());
    let supervisor = supervisor(&diary).await;

    start(&supervisor).await;
    start(&supervisor).await;

    assert_eq!(*diary.lines.lock(), ["start"]);
}

#[tokio::test]
async fn a_supervisor_that_ends_is_missed() {
    let diary = Arc::new(Diary::default());
    let tasks = Tasks::new();
    let args = || Args {
        spawner: Arc::clone(&diary),
        clock: Clock::system(),
        entropy: Entropy::seeded(1),
    };
    let shards = Shards::raise(2, args, &tasks).await.unwrap();
    let (send, receive) = tokio::sync::oneshot::channel();
    shards.start(7, Some(send.into()));
    assert_eq!(receive.await, Ok(true));

    shards.0[1].kill();

    assert_eq!(tasks.lost().await, Diary::KIND);
}

async fn supervisor(diary: &Arc<Diary>) -> ActorRef<Msg<u8>> {
    let args =
        Args { spawner: Arc::clone(diary), clock: Clock::system(), entropy: Entropy::seeded(1) };
    Actor::spawn(None, Supervisor::default(), args).await.unwrap().0
}

async fn start(supervisor: &ActorRef<Msg<u8>>) {
    let (send, receive) = tokio::sync::oneshot::channel();
    supervisor.cast(Msg::Start(7, Some(send.into()))).unwrap();
    assert_eq!(receive.await, Ok(true));
}
