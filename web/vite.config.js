// One classic script and one style sheet, fonts inside, that also work from file://.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../src/skycrane/page/static",
    emptyOutDir: true,
    assetsInlineLimit: 1 << 20,
    cssCodeSplit: false,
    target: "es2020",
    lib: { entry: "src/main.ts", name: "skycrane", formats: ["iife"], fileName: () => "page.js", cssFileName: "page" },
  },
});
