//! Every interleaving of small configurations, to a depth: what can go wrong in few steps is found here for certain.

use std::collections::HashSet;

use super::world::{BEGINNING_MS, World, job};

/// Goes through everything that can happen in `depth` actions. Says how many different worlds there were.
fn explore(world: World, depth: u32) -> usize {
    let mut seen = HashSet::from([world.clone()]);
    let mut edge = vec![world];
    for _ in 0..depth {
        let mut next = Vec::new();
        for world in &edge {
            for action in world.actions() {
                let mut after = world.clone();
                after.act(action);
                if seen.insert(after.clone()) {
                    after.check_all_end();
                    next.push(after);
                }
            }
        }
        edge = next;
    }
    seen.len()
}

#[test]
fn two_jobs_and_two_workers() {
    let worlds = explore(World::new(vec![job(1), job(2)], 2), 6);
    assert!(worlds > 20_000, "only {worlds} worlds");
}

#[test]
fn a_parent_that_waits_and_its_child() {
    let worlds = explore(World::new(vec![job(2), job(2)], 2).with_waiting_parent(), 7);
    assert!(worlds > 10_000, "only {worlds} worlds");
}

#[test]
fn a_parent_that_fails_with_its_child() {
    let mut parent = job(1);
    parent.fails_with_children = true;
    let worlds = explore(World::new(vec![parent, job(1)], 2).with_waiting_parent(), 7);
    assert!(worlds > 10_000, "only {worlds} worlds");
}

#[test]
fn a_deadline_among_everything_else() {
    let mut late = job(2);
    late.deadline_ms = Some(BEGINNING_MS + 2);
    let worlds = explore(World::new(vec![late], 2), 9);
    assert!(worlds > 5_000, "only {worlds} worlds");
}
