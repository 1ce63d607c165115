# Fits with weights and offsets, by lme4.
#
#   Rscript tests/oracles/weighted.R            writes the tables and lme4.json into tests/oracles/weighted
#
# Needs r-cran-lme4, r-cran-jsonlite. The criterion is taken at lme4's theta, wherever its optimiser stopped.
suppressMessages({library(lme4); library(jsonlite); library(tools)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
out <- file.path(here, "weighted")
dir.create(out, showWarnings = FALSE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.scaleX = "ignore", check.conv.grad = "ignore")

table_of <- function(seed, J = 12, rows = 8, slope = 0.5, spread = function(n) runif(n, 0.2, 3)) {
  set.seed(seed)
  g <- rep(seq_len(J), sample(max(1, rows - 3):(rows + 3), J, TRUE))
  n <- length(g)
  x <- runif(n, 0, 5)
  w <- spread(n)
  d <- data.frame(g = g, h = sample(letters[1:6], n, TRUE), x = x, f = sample(c("lo", "mid", "hi"), n, TRUE),
                  w = w, o = rnorm(n, 2), e = rgamma(n, 3))
  d$y <- 1 + 2 * x + rnorm(J)[g] + slope * rnorm(J)[g] * x + rnorm(6, 0, 0.7)[match(d$h, letters)] + rnorm(n) / sqrt(w) + d$o
  as.data.frame(lapply(d, function(v) if (is.numeric(v)) round(v, 6) else v))
}
cases <- list(
  list(1, "y ~ x + (1 | g)", "w"), list(2, "y ~ x + (x | g)", "w"), list(3, "y ~ x + f + (1 | g) + (1 | h)", "w"),
  list(4, "y ~ x + offset(o) + (1 | g)", NULL), list(5, "y ~ x + offset(o) + (x | g)", "w"),
  list(6, "y ~ 0 + f + x + offset(log(e)) + (1 | g)", "w"), list(7, "y ~ x + offset(o) + (1 | g) + (1 | h)", NULL),
  list(8, "y ~ x * f + (0 + x | g) + (1 | g)", "w"), list(9, "y ~ x + (1 | g / h)", "w", 40, 6),
  list(10, "y ~ x + (1 | g)", "w", 12, 8, 0.5, function(n) 10^runif(n, -6, -2)),
  list(11, "y ~ 0 + x + (0 + x | g)", "w"), list(12, "y ~ 1 + offset(2 * o + e) + (1 | h) + (x | g)", "w"))

# Public reports on other software: statsmodels#9342, lme4#192 (its profile forgot the weights), MixedModels.jl#194.
set.seed(1)
reports <- list(
  list("statsmodels-9342", "y ~ x + (1 | group)", "w", data.frame(
    y = c(1, 2, 1.5, 2.5, 3, 2.8, 3.5, 3.2, 4, 3.8), x = rep(c("A", "B"), 5), group = rep(1:5, each = 2),
    w = c(1, 0.1, 1, 1, 0.1, 1, 1, 0.1, 1, 1))),
  list("lme4-192", "y ~ 1 + (1 | g)", "w", data.frame(y = rnorm(1000), g = rep(1:100, each = 10), w = 1 / (rpois(1000, 1) + 1))),
  list("MixedModels-194", "a ~ 1 + b + (1 | c)", "w", data.frame(
    a = c(1.55945122, 0.004391538, 0.005554163, -0.173029772, 4.586284429, 0.259493671, -0.091735715, 5.546487603, 0.457734831,
          -0.030169602),
    b = c(0.24520519, 0.080624178, 0.228083467, 0.2471453, 0.398994279, 0.037213859, 0.102144973, 0.241380251, 0.206570975,
          0.15980803),
    c = c("H", "F", "K", "P", "P", "P", "D", "M", "I", "D"), w = c(20, 40, 35, 12, 29, 25, 65, 105, 30, 75))))

digits <- function(values) sprintf("%.17g", unname(values))
fits <- list()
for (case in c(cases, reports)) for (reml in c(TRUE, FALSE)) {
  d <- if (is.numeric(case[[1]])) do.call(table_of, case[-(2:3)]) else case[[4]]
  file <- if (is.numeric(case[[1]])) sprintf("table-%02d.csv", case[[1]]) else paste0(case[[1]], ".csv")
  write.csv(d, file.path(out, file), row.names = FALSE, quote = FALSE)
  formula <- as.formula(case[[2]])
  m <- if (is.null(case[[3]])) lmer(formula, d, REML = reml, control = control) else
    lmer(formula, d, REML = reml, control = control, weights = w)
  first <- d[1:5, ]
  fits[[length(fits) + 1]] <- list(
    table = file, md5 = unname(md5sum(file.path(out, file))), formula = case[[2]], weights = case[[3]], reml = reml,
    terms = mapply(function(f, e) list(list(factor = f, effects = length(e))), names(getME(m, "cnms")), getME(m, "cnms"), USE.NAMES = FALSE), theta = digits(getME(m, "theta")), criterion = digits(-2 * as.numeric(logLik(m))),
    fixed = digits(sort(fixef(m))), se = digits(sort(sqrt(diag(as.matrix(vcov(m)))))), sigma = digits(sigma(m)),
    fitted = digits(fitted(m)[1:5]), resid = digits(resid(m)[1:5]),
    scaled = digits(resid(m, type = "pearson", scaled = TRUE)[1:5]),
    predicted = digits(predict(m, first)), population = digits(predict(m, first, re.form = NA)))
}
write(toJSON(list(
  provenance = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                    command = "Rscript tests/oracles/weighted.R"),
  fits = fits), auto_unbox = TRUE, pretty = TRUE, null = "null"), file.path(out, "lme4.json"))
