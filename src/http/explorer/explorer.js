const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

/** A page has no key to sign with: what it would ask for there, nobody can fill in. */
function withoutSignature(description) {
  const { signature, ...securitySchemes } = description.components.securitySchemes;
  return { ...description, components: { ...description.components, securitySchemes } };
}

SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#swagger-ui",
  // By default the document is sent to a validator on the internet.
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  plugins: [
    {
      statePlugins: {
        spec: {
          wrapActions: {
            updateJsonSpec: (update) => (description) => update(withoutSignature(description)),
          },
        },
      },
    },
  ],
});
