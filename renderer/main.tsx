/** The window in Electron and in a browser: the same page over the bridge that is there. */
import "./bridge/parsing.ts";
import { showWindow } from "./app.tsx";
import { browserApp, electronApp } from "./bridge/app.ts";
import { electronBridge } from "./bridge/electron.ts";
import { WebSocketBridge } from "./bridge/web-socket.ts";

const place = document.getElementById("window");
if (place === null) throw new Error('index.html has no element "window" to draw into.');
showWindow(electronBridge() ?? new WebSocketBridge(), place, electronApp() ?? browserApp());
