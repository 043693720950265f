#!/usr/bin/env bun
// argv → the command line. The proxy goes past it: commander alone costs 5 ms of CPU and 10 MB, and a machine runs many proxies.

const args = process.argv.slice(2);
if (args[0] === "proxy") {
  const { runProxy } = await import("./cli/proxy.ts");
  await runProxy(args.slice(1));
} else if (args[0] === "__complete") {
  // What the shells' scripts ask (cli/completion/script.ts): no command that a person gives.
  const { printCandidates } = await import("./cli/completion/complete.ts");
  await printCandidates(args.slice(1));
  process.exit();
} else if (args[0] === "__check-routes") {
  // What a proxy starts (proxy/route-checker.ts).
  const { runRouteCheck } = await import("./proxy/route-check.ts");
  runRouteCheck(args[1] ?? "");
} else {
  if (args[0] === "up") {
    const { copyByLoop } = await import("./cli/copy-by-loop.ts");
    copyByLoop();
  }
  const { runCommandLine } = await import("./cli/program.ts");
  await runCommandLine(args);
  process.exit(); // connections that are kept alive, and the pipe to whoever started this, would hold it
}
