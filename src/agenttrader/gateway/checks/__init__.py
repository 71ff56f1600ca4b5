"""What must hold before an order may leave, one function a statement; `catalog` has them in their order."""
