import { expect, test } from "bun:test";
import { configureLog } from "../base/log.ts";
import { LastingStream } from "./channel.ts";
import type { ClientCall } from "./client.ts";
import { GrpcService } from "./server.ts";
import { connectTo, type ServiceOnPort, serve } from "./test-wire.ts";

configureLog({ level: "off" });

/** Greets every call, and ends it when told "enough". */
const service = new GrpcService({
  "/t.T/Greet": (call) => ({
    onMessage(message) {
      if (message.toString() === "enough") call.end({ code: "ABORTED", message: "as you wish" });
      else call.send(Buffer.from(`hello ${message}`));
    },
    onEnd: () => call.end(),
    onCancel() {},
  }),
});

/** A stream to whatever listens on `port()`, and what its owner is told. */
function follow(port: () => number) {
  const events: string[] = [];
  let call: ClientCall | undefined;
  const stream = new LastingStream(
    (onClosed) => connectTo(port(), onClosed),
    "/t.T/Greet",
    { authority: "t.test" },
    {
      onOpen(opened) {
        call = opened;
        events.push("open");
        opened.send(Buffer.from("you"));
      },
      onMessage: (message) => events.push(message.toString()),
      onWritable() {},
      onLost: (status) => events.push(`lost ${status.code}`),
    },
  );
  stream.open();
  const until = async (event: string) => {
    while (events.at(-1) !== event) await new Promise((resolve) => setTimeout(resolve, 2));
    return events.splice(0);
  };
  return { stream, until, events, send: (text: string) => call?.send(Buffer.from(text)) };
}

test("the stream is opened again after the server ended it, closed the connection, or was not there", async () => {
  let server: ServiceOnPort = serve(service);
  const { port } = server;
  const { stream, until, send } = follow(() => port);
  expect(await until("hello you")).toEqual(["open", "hello you"]);

  send("enough");
  expect(await until("hello you")).toEqual(["lost ABORTED", "open", "hello you"]);

  server.stop();
  expect(await until("lost UNAVAILABLE")).toEqual(["lost UNAVAILABLE"]);
  await until("lost UNAVAILABLE"); // nobody listens
  server = serve(service, port);
  const events = await until("hello you");
  expect(events.slice(-2)).toEqual(["open", "hello you"]);
  stream.close();
  server.stop();
});

test("a stream that is closed stays closed, while it connects and while it is open", async () => {
  const server = serve(service);
  const early = follow(() => server.port);
  early.stream.close();
  const late = follow(() => server.port);
  await late.until("hello you");
  late.stream.close();
  await connectTo(server.port).then((connection) => connection.shutdown());
  expect(early.events).toEqual([]);
  expect(late.events).toEqual([]);
  server.stop();
});
