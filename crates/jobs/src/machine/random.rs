//! Long random interleavings of more jobs and workers than can be explored whole.

use proptest::{prelude::*, sample::Index};

use super::world::{BEGINNING_MS, World, job};

const JOBS: usize = 5;
const WORKERS: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_must_not_happen_happens(
        attempts in prop::collection::vec(1_u32..4, JOBS),
        family: bool,
        fails_with_children: bool,
        deadline in prop::option::of(1_i64..20),
        choices in prop::collection::vec(any::<Index>(), 1..250),
    ) {
        let mut jobs: Vec<_> = attempts.into_iter().map(job).collect();
        jobs[0].fails_with_children = fails_with_children;
        jobs[1].deadline_ms = deadline.map(|after| BEGINNING_MS + after);
        let mut world = World::new(jobs, WORKERS);
        if family {
            world = world.with_waiting_parent();
        }
        for choice in choices {
            let actions = world.actions();
            world.act(*choice.get(&actions));
        }
        world.check_all_end();
    }
}
