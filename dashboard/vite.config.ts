import { defineConfig } from "vite";

// A build that a test starts inherits NODE_ENV=test, and would carry React's development half.
export default defineConfig(({ command }) => {
  if (command === "build") process.env.NODE_ENV = "production";
  return {
    base: "/",
    build: {
      // The policy of the admin server forbids data: URLs and inline code.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      sourcemap: false,
    },
    // `vite` serves the page with hot reload against a control plane that runs.
    server: { proxy: { "/api": "http://127.0.0.1:20001" } },
  };
});
