/** What problems say of what was wrong, as examples; where nothing stands here their title does. */
import type { ProblemCode } from "../../../protocol/http/problems.ts";

export const DETAILS: { readonly [Code in ProblemCode]?: string } = {
  "malformed-json": "the body is not JSON: Unexpected end of JSON input",
  "malformed-body": "the body is a JSON object of operators",
  "invalid-parameter":
    'there is no parameter "limt" here; known: prefix, limit, cursor, consistency, max_staleness_ms',
  "invalid-key": "a key has at most 512 bytes",
  "unknown-field": 'the collection has no field "nmae"; it has displayName, likes, tags',
  "wrong-operator": 'field "likes" is a counter: it takes inc, not set',
  "wrong-type": '"set" of "displayName" takes a value of type string',
  "unknown-collection":
    'region eu knows no collection "user"; one that was made in another region takes a moment to arrive',
  "record-not-found": 'there is no record "ada" in collection "users"',
  "precondition-failed": "the record has version 48, and the write is for version 47",
  "not-unique": '"email" of another record has this value',
  overloaded: "the region has as many requests at once as it takes; come back in a moment",
  "wal-full": "the region's write-ahead buffer is as good as full",
  "no-quorum": "the log has no leader at the moment; nothing was sent",
  "outcome-unknown": "the log was asked, and has not said whether it took the request",
};
