// The answers of the admin interface. Nothing is HTML: what a name contains is text in every browser.

const NO_SNIFF = { "x-content-type-options": "nosniff", "cache-control": "no-cache, max-age=0" };

export function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=UTF-8", ...NO_SNIFF } });
}

export function json(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value, null, 1)}\n`, {
    status,
    headers: { "content-type": "application/json", ...NO_SNIFF },
  });
}

export const OK = (): Response => text("OK\n");

/** A body that is made while it is read: one piece at a time stands in memory, and the loop has its turns between them. */
export function streamed(pieces: Iterator<string>, contentType: string): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = pieces.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel() {
        pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": contentType, ...NO_SNIFF } });
}
