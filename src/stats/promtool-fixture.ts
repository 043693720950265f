// `promtool check metrics` for tests.

/** `program` is promtool's path. 3 is "it reads well, but the names are not in Prometheus' style", which is Istio's and Envoy's doing. */
export async function checkMetrics(program: string, text: string): Promise<{ code: number; output: string }> {
  const process = Bun.spawn([program, "check", "metrics"], {
    stdin: Buffer.from(text),
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = (await new Response(process.stdout).text()) + (await new Response(process.stderr).text());
  return { code: await process.exited, output };
}
