/** @file Where the page begins. */
import { render } from "preact";
import { App } from "./app.tsx";
import { connect } from "./state/events.ts";
import { speakProgress } from "./state/speak.ts";
import "./state/theme.ts";
import "./styles/index.css";

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
speakProgress();
void connect();
