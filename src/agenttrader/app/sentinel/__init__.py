"""The sentinel: who watches the gateway from outside."""
