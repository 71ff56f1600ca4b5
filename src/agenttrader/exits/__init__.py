"""Plans that protect what we hold: pure rules over a plan, a position and the present mark."""
