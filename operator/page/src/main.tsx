import { render } from "preact";
import { followLinks } from "./address";
import { App } from "./app";
import { keepSearches } from "./data/searches";
import { reconnectWhenBack } from "./data/stream";
import { showTheme } from "./theme";
import "./style/base.css";
import "./style/parts.css";
import "./style/tables.css";

showTheme(document.documentElement);
followLinks(document);
keepSearches();
reconnectWhenBack();
render(<App />, document.getElementById("page")!);
