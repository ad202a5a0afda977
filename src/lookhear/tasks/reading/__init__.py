"""Parser of replies, shared by all tasks: unwrap, find candidates, grade claims.

    reply ─ unwrap ─▶ statement ─ languages ─▶ English ─ candidates ─▶ [Mention] ─ claims ─▶ Reading

A statement is a reply without reasoning and markup. A mention is a span that names a possible answer; its strength
(stated, at the head, plain, in passing, rejected) decides whether it counts. A reply whose answer is unclear is unread,
with a reason; the parser does not guess.
"""
