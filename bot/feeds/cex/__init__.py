"""Market data of centralized exchanges: one connection's life, frames into books, and what may be believed of them."""
