//! What goes wrong in a simulation, in an order that only the seed decides.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::nodes::Nodes;
use super::world::World;

const HOUR_MICROS: i64 = 3_600_000_000;
/// To about 2090.
const FAR_MICROS: i64 = 64 * 8766 * HOUR_MICROS;

/// One trouble after the other, then none any more.
pub async fn rage(world: Arc<World>, nodes: Arc<Nodes>, troubles: u64) {
    for _ in 0..troubles {
        sleep(Duration::from_millis(50 + world.below(1_500))).await;
        match world.below(7) {
            0 => database_restarts(&world).await,
            1 => {
                let node = nodes.any(&world);
                node.machine.frozen.send_replace(true);
                sleep(Duration::from_millis(world.below(14_000))).await;
                node.machine.frozen.send_replace(false);
            }
            2 => nodes.replace_one(&world),
            3 => {
                let skews = [0, -HOUR_MICROS, HOUR_MICROS, FAR_MICROS];
                *world.skew.lock().unwrap() = skews[usize::try_from(world.below(4)).unwrap()];
            }
            4 | 5 => {
                let losses = [4, 10, 40];
                let loss = losses[usize::try_from(world.below(3)).unwrap()];
                world.loss.store(loss, Ordering::Relaxed);
                sleep(Duration::from_millis(world.below(4_000))).await;
                world.loss.store(0, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    *world.skew.lock().unwrap() = 0;
}

async fn database_restarts(world: &World) {
    world.up.send_replace(false);
    world.incarnation.fetch_add(1, Ordering::Relaxed);
    if let Some(on_crash) = &*world.on_crash.lock().unwrap() {
        on_crash(world);
    }
    sleep(Duration::from_millis(world.below(3_000))).await;
    world.up.send_replace(true);
}
