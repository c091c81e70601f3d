import { render } from "preact";
import { showTheme } from "./theme";
import "./style/base.css";

function App() {
  return <main>evonas</main>;
}

showTheme(document.documentElement);
render(<App />, document.getElementById("page")!);
