// The way in: with a token, or as a user of an app who has the role.

import { Api } from "./api.js";
import { append, form, h, note, problem, replace, tabs } from "./ui.js";

/** The ways to sign in, as tabs; `done(session)` hears who came. */
export function ways(done) {
  const send = async (body) => done(await new Api().post("/_/session", body));
  const withToken = (panel) => append(panel, form([
    { name: "token", label: "Token", kind: "password", required: true, autocomplete: "current-password", says: "An admin token, or one for some apps. The admin's is in the file admin-token of the data directory." },
  ], (values) => send({ token: values.token.trim() }), { submit: "Sign in" }));
  const withPassword = (panel) => append(panel, form([
    { name: "app", label: "App", required: true, autocomplete: "organization" },
    { name: "email", label: "E-mail", kind: "email", required: true, autocomplete: "username" },
    { name: "password", label: "Password", kind: "password", required: true, autocomplete: "current-password", says: "For users of an app who have the role tapwater-admin there." },
  ], send, { submit: "Sign in" }));
  return tabs([
    { id: "token", title: "Token", open: withToken },
    { id: "password", title: "E-mail and password", open: withPassword },
  ], { label: "How to sign in" });
}

/** Show the way in; `done(session)` hears who came. */
export function signIn(el, session, done) {
  const box = h("div", { class: "door-box" },
    h("div", { class: "door-brand" }, h("img", { src: "/_/static/icon.svg", alt: "", width: "40", height: "40" }), h("h1", { tabindex: "-1" }, "Tapwater")),
    session?.says ? note("info", session.says) : null,
    session?.failed ? problem(session.failed) : null,
    session?.refused ? refused(session) : null,
    session?.shared ? note("warn", h("b", {}, "This address is an app's too. "), "Its code could act in your name while you are signed in here.") : null,
    session?.refused ? null : ways(done));
  replace(el, box, h("p", { class: "door-foot" }, "The dashboard uses the public API of this node, and keeps no token in the browser."));
  el.querySelector("input")?.focus();
}

function refused(session) {
  const elsewhere = session.elsewhere ? h("p", {}, h("a", { href: session.elsewhere, class: "button primary" }, "Open the dashboard on its own host")) : null;
  return note("bad", h("p", {}, h("b", {}, "Nobody can sign in at this address. "), session.refused), elsewhere);
}
