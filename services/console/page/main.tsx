/** The console: mounts the page, and keeps it fed. */
import { render } from "preact";
import { App } from "./app.tsx";
import { openFeed } from "./feed.ts";
import { takeKeyFromAddress } from "./key.ts";
import { applyTheme, storedTheme } from "./theme.ts";
import "./style/base.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/views.css";

applyTheme(storedTheme());
takeKeyFromAddress();
const feed = openFeed(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/cluster/live`);
render(<App feed={feed} />, document.querySelector("#page")!);
