// Peek<B, S>: the future that reads frames into a Scan and ends with (Peeked<B>, S).
