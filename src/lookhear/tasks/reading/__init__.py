"""Reading what a model replied: unwrap, find candidates, weigh claims.

    reply ─ unwrap ─▶ statement ─ languages ─▶ English ─ candidates ─▶ [Mention] ─ claims ─▶ Reading

A statement is what is left of a reply without reasoning and markup. A mention is a place where a possible answer is
named; how it is named (stated, headed by, plain, only in passing, rejected) decides whether it counts. What is not
clear is not guessed: it is unread, with a reason.
"""
