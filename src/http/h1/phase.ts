/**
 * What the bytes that come next on an HTTP/1.1 connection are.
 * - `head`: a message's head. On a server also an idle connection.
 * - `body`: the body, for the stream. `drain`: the rest of a request's body that nobody waits for (server).
 * - `wait`: they are kept until it is known what they are (server): the next request, once this one is answered, or a tunnel's.
 * - `idle`: nothing may come (client).
 * - `tunnel`: not HTTP any more.
 * - `linger`: we sent FIN and drop what comes, since closing at once would reset the peer before it has read our last words. Bounded in
 *   time and not in bytes: a peer that sends more than that could as well send it in a request.
 * - `closed`: nothing any more.
 */
export type Phase = "head" | "body" | "drain" | "wait" | "idle" | "tunnel" | "linger" | "closed";
