// Swagger UI gives the body's field no name.
new MutationObserver(() => {
  for (const field of document.querySelectorAll(".body-param__text:not([aria-label])")) {
    field.setAttribute("aria-label", "Request body");
  }
}).observe(document.documentElement, { childList: true, subtree: true });

SwaggerUIBundle({
  url: new URL("../v1/openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
