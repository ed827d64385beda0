//! The locks, atomics and swapped tables that threads share. With the feature `model` they are those of `shuttle`, which
//! runs a test with many orders of the threads' steps (`tests/model.rs`); a product never has it.

#[cfg(not(feature = "model"))]
pub use arc_swap::{ArcSwap, ArcSwapOption};
#[cfg(not(feature = "model"))]
pub use std::sync::{Condvar, Mutex, MutexGuard, atomic};

#[cfg(feature = "model")]
pub use self::model::{ArcSwap, ArcSwapOption};
#[cfg(feature = "model")]
pub use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic};

#[cfg(feature = "model")]
mod model {
    use std::sync::Arc;

    use arc_swap::{ArcSwapAny, Guard, RefCnt};

    pub type ArcSwap<T> = Stepped<Arc<T>>;
    pub type ArcSwapOption<T> = Stepped<Option<Arc<T>>>;

    /// What arc-swap promises, each access one step: it is taken to keep its promise.
    pub struct Stepped<T: RefCnt>(ArcSwapAny<T>);

    impl<T: RefCnt> Stepped<T> {
        pub fn load(&self) -> Guard<T> {
            step();
            self.0.load()
        }

        pub fn load_full(&self) -> T {
            step();
            self.0.load_full()
        }

        pub fn store(&self, value: T) {
            step();
            self.0.store(value);
        }

        pub fn swap(&self, value: T) -> T {
            step();
            self.0.swap(value)
        }
    }

    impl<T> Stepped<Option<Arc<T>>> {
        pub fn empty() -> Self {
            Self(ArcSwapAny::new(None))
        }
    }

    impl<T: RefCnt + Default> Default for Stepped<T> {
        fn default() -> Self {
            Self(ArcSwapAny::new(T::default()))
        }
    }

    /// Here the scheduler may go on with another thread.
    fn step() {
        shuttle::thread::yield_now();
    }
}
