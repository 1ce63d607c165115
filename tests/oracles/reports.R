# Public reports on mixed models in other software, refitted by lme4: writes reports.json beside this file.
#
#   Rscript tests/oracles/reports.R
#
# Needs r-cran-lme4, r-cran-nlme, r-cran-lmertest, r-cran-pbkrtest, r-cran-jsonlite. Each report has its own table in
# the JSON: that of the report, R's own, or one drawn as the report says, with a seed of ours where it gives none ("drawn"). The
# criterion is the lowest that four optimisers found, and this script stops where nlme or the report's own number differs.
suppressMessages({library(lme4); library(nlme); library(lmerTest); library(pbkrtest); library(jsonlite)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
exactly <- function(x) sprintf("%.17g", as.numeric(x))
C <- factor

quiet <- list(check.nobs.vs.nRE = "ignore", check.nobs.vs.rankZ = "ignore", check.nobs.vs.nlev = "ignore",
              check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore", check.scaleX = "ignore")
optimisers <- list(
  bobyqa = list("bobyqa", list(rhoend = 1e-11, maxfun = 1e5)), Nelder_Mead = list("Nelder_Mead", list(FtolAbs = 1e-13, XtolRel = 1e-12, maxfun = 1e5)),
  nlminb = list("nlminbwrap", list(rel.tol = 1e-14, x.tol = 1e-12)),
  nloptr = list("nloptwrap", list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5)))

best <- function(formula, table, reml, w) {
  table$.w <- if (is.null(w)) rep(1, nrow(table)) else table[[w]]
  fits <- lapply(optimisers, function(one) suppressMessages(suppressWarnings(lmerTest::lmer(
    as.formula(formula), table, REML = reml, weights = .w, control = do.call(lmerControl, c(list(optimizer = one[[1]], optCtrl = one[[2]]), quiet))))))
  fits[[which.min(sapply(fits, function(m) -2 * as.numeric(logLik(m))))]]
}
# The variances behind R2, from the estimates alone: trace formulas of Nakagawa and Schielzeth (2013), Johnson (2014).
shares <- function(m) {
  X <- getME(m, "X"); L <- t(getME(m, "Lambdat")); Z <- getME(m, "Z")
  list(fixed = exactly(var(as.numeric(X %*% fixef(m)))), random = exactly(sigma(m)^2 * sum((Z %*% L)^2) / nrow(X)), residual = exactly(sigma(m)^2))
}
columns <- function(table) lapply(table, function(v) if (is.factor(v)) as.character(v) else if (is.numeric(v)) v else as.character(v))

reports <- list()
report <- function(name, about, table, formula, reml = TRUE, weights = NULL, want = character(), ...) {
  row.names(table) <- NULL
  m <- best(formula, table, reml, weights)
  found <- list(report = name, about = about, formula = formula, reml = reml, weights = weights, table = columns(table), ...,
                rows = nobs(m), criterion = exactly(-2 * as.numeric(logLik(m))), fixed = exactly(fixef(m)),
                se = exactly(sqrt(diag(as.matrix(vcov(m))))), sigma = exactly(sigma(m)),
                variances = exactly(unlist(lapply(VarCorr(m), function(v) sort(diag(v))))))
  if ("shares" %in% want) found$shares <- shares(m)
  if ("df" %in% want) {
    found$satterthwaite <- exactly(coef(summary(m))[, "df"])
    found$kenward_roger <- exactly(coef(summary(m, ddf = "Kenward-Roger"))[, "df"])
  }
  if ("alone" %in% want) found$alone <- lapply(c(2, 50, nrow(table)), function(row)
    list(row = row - 1, groups = exactly(predict(m, table[row, ])), population = exactly(predict(m, table[row, ], re.form = NA))))
  reports[[length(reports) + 1]] <<- found
  invisible(m)
}
# nlme must agree; what is given is its fixed part, table and random part.
agrees <- function(m, fixed, table, random, method = "REML", tolerance = 1e-5) {
  other <- lme(fixed, table, random, method = method, control = lmeControl(msMaxIter = 1000, niterEM = 200, msTol = 1e-12, tolerance = 1e-10, returnObject = TRUE))
  stopifnot(abs(as.numeric(logLik(m)) - as.numeric(logLik(other))) < tolerance)
}

# --- statsmodels
set.seed(4)
nothing <- data.frame(Y = rnorm(100), X = rnorm(100), class = rep(0:2, length.out = 100))
m <- report("statsmodels#7051", "groups that mean nothing: a variance of zero, where others met a singular matrix (drawn)", nothing, "Y ~ X + (1 | class)")
stopifnot(getME(m, "theta") == 0)
air <- airquality[c("Ozone", "Wind", "Temp", "Solar.R", "Month")]
m <- report("statsmodels#3248", "gaps in response and predictor, rows with them left out (R's airquality)", air, "Ozone ~ Wind + Temp + Solar.R + (1 | Month)",
            left_out = list(rows = 42L, of = 153L))
agrees(m, Ozone ~ Wind + Temp + Solar.R, na.omit(air), ~ 1 | Month)

# --- MixedModels.jl
few <- data.frame(ids = rep(c("x", "y", "z"), each = 3), score = c(100, 50, 70, 40, 50, 60, 70, 60, 30), proj = rep(c("a", "a", "b"), each = 3), days = rep(1:3, 3))
report("MixedModels.jl#105", "coefficients must not depend on the order of rows or the names of groups", few, "score ~ days + proj + (1 | ids)", FALSE)
set.seed(155)
g <- rep(1:40, each = 12); x <- matrix(runif(2 * length(g)), ncol = 2); b <- cbind(rnorm(40, 0, 0.5), rnorm(40), rnorm(40, 0, 1.5))
slopes <- data.frame(y = 1 + b[g, 1] + (2 + b[g, 2]) * x[, 1] + (3 + b[g, 3]) * x[, 2] + rnorm(length(g)), x2 = x[, 1], x3 = x[, 2], g = g)
report("MixedModels.jl#155", "coefficients in the order of the formula, whatever the columns' sizes (drawn)", slopes, "y ~ x2 + x3 + (x2 + x3 | g)", FALSE)

set.seed(242)
twice <- data.frame(a = rnorm(60), b = rnorm(60), g = rep(1:10, 6)); twice$ab <- twice$a + 2 * twice$b; twice$c <- rnorm(60)
twice$y <- 1 + twice$a - twice$b + 3 * twice$c + rnorm(10)[twice$g] + rnorm(60)
report("MixedModels.jl#242", "a column that others determine is left out, and the others keep their names (drawn)", twice, "y ~ a + b + ab + c + (1 | g)",
       dropped = "ab")

# --- lme4
set.seed(1)
theta <- rnorm(10, 0, 2 * 0.75); g <- rep(1:10, each = 5)
zero <- data.frame(y = rnorm(50, 2 + theta[g], 2), g = g)
m <- report("lme4#17", "a variance falsely estimated as zero; right by the closed form", zero, "y ~ 1 + (1 | g)", FALSE)
within <- sum((zero$y - ave(zero$y, zero$g))^2); between <- 5 * sum((tapply(zero$y, zero$g, mean) - mean(zero$y))^2)
stopifnot(all.equal(unname(getME(m, "theta")), sqrt(max(4 * between / within / 5 - 1 / 5, 0)), tolerance = 1e-6))
set.seed(666)
one <- data.frame(y = c(sapply(rnorm(4, 0, 1), function(mu) rnorm(6, mu, 2))), F1 = rep(1:4, each = 6), F2 = "A")
report("lme4#24", "a factor of one level has no variance to estimate; without it all is well", one, "y ~ 1 + (1 | F1)",
       refused = list(formula = "y ~ 1 + (1 | F1) + (1 | F2)", says = "F2"))
set.seed(80813)
for (k in 1:3) {
  few <- within(data.frame(grp = gl(5, 6), x1 = rnorm(30), x2 = runif(5)[rep(1:5, each = 6)]), y <- 1 + x1 + x2 + rnorm(5)[grp] + rnorm(30))
  m <- report("lme4#75", sprintf("coefficients of zero from an optimiser that stopped at once; draw %d", k), few, "y ~ x1 + x2 + (1 | grp)")
  agrees(m, y ~ x1 + x2, few, ~ 1 | grp)
}
suppressWarnings(set.seed(11, sample.kind = "Rounding"))
cells <- expand.grid(a = factor(1:4), b = factor(1:4), rep = 1:10)
cells <- transform(cells, r = sample(1:5, 160, TRUE), z = rnorm(160))
RNGkind(sample.kind = "Rejection")
cells <- subset(cells, !(a == "4" & b == "4"))
m <- report("lme4#168", "an interaction with an empty cell", cells[c("a", "b", "r", "z")], "z ~ C(a) * C(b) + (1 | r)", dropped = "C(a)[T.4]:C(b)[T.4]")
stopifnot(abs(REMLcrit(m) - 415.2903) < 1e-4)
set.seed(123)
treated <- data.frame(Subject = rep(letters[1:18], each = 10), treatment = rep(rep(c("A", "B"), each = 5), 18))
treated$dummy <- as.numeric(treated$treatment == "B")
treated$y <- treated$dummy * (4 + rnorm(18)[match(treated$Subject, letters)]) + rnorm(180, 0, 0.5)
report("lme4#182", "slopes of a factor without an intercept: one effect per level (drawn)", treated, "y ~ treatment + (0 + treatment | Subject)",
       same_as = "y ~ treatment + (treatment | Subject)")
report("lme4#182", "which is not the slope of its dummy alone (drawn)", treated, "y ~ treatment + (0 + dummy | Subject)")
trigly <- data.frame(y = c(142.3, 144.0, 148.6, 146.9, 142.9, 147.4, 133.8, 133.2, 134.9, 146.3, 145.2, 146.3, 125.9, 127.6, 108.9, 107.5,
                           148.6, 156.5, 148.6, 153.1, 135.5, 138.9, 132.1, 149.7, 152.0, 151.4, 149.7, 152.0, 142.9, 142.3, 141.7, 141.2),
                     day = rep(1:4, each = 8), machine = rep(rep(1:4, each = 2), 4))
report("lme4#501", "crossed factors and their combinations on 32 rows, where a default optimiser warns", trigly,
       "y ~ 1 + (1 | day) + (1 | machine) + (1 | machine:day)")
gaps <- "Ozone ~ Wind + Solar.R + (1 | Month)"; all <- na.omit(air[c("Ozone", "Wind", "Solar.R", "Month")])
both <- lapply(c("Ozone ~ Wind + (1 | Month)", gaps), best, all, FALSE, NULL)
report("lme4#253", "models compared although gaps had taken other rows out of each (R's airquality)", air, gaps, FALSE, left_out = list(rows = 42L, of = 153L),
       compared = list(smaller = "Ozone ~ Wind + (1 | Month)", chisq = exactly(2 * (logLik(both[[2]]) - logLik(both[[1]]))),
                       p = exactly(pchisq(as.numeric(2 * (logLik(both[[2]]) - logLik(both[[1]]))), 1, lower.tail = FALSE))))
set.seed(275)
noisy <- transform(sleepstudy, noiseFactor = ifelse(runif(180) > 0.8, "Yes", "No"), Subject = as.integer(as.character(Subject)))
report("lme4#275", "one row predicted, in which a factor has one level (drawn)", noisy, "Reaction ~ Days + noiseFactor + (Days | Subject)", want = "alone")
set.seed(518)
id <- rep(1:100, 2); T <- rep(0:1, each = 100); latent <- -0.05 * T + rnorm(100, 0, 0.005)[id] + rnorm(200, 0, 0.05)
binary <- data.frame(Y = as.numeric(latent > 0), id = id, gid = (id - 1) %% 50 + 1, T = T)
report("lme4#518", "two rows of a person cannot have an intercept, a slope and an error of their own; those of a group can (drawn)", binary,
       "Y ~ T + (T | gid)", refused = list(formula = "Y ~ T + (T | id)", says = "id"))
set.seed(630)
raters <- expand.grid(obs = 1:2, timept = 1:3, rater = 1:3, patient = 1:15)
raters <- within(raters, { rater1 <- +(rater == 1); rater2 <- +(rater == 2); rater3 <- +(rater == 3); visit <- patient * 10 + timept
  response <- 4 - 0.8 * timept + matrix(rnorm(45), 15)[cbind(patient, rater)] + rnorm(15)[patient] +
    0.5 * array(rnorm(135), c(15, 3, 3))[cbind(patient, timept, rater)] + rnorm(270, 0, 0.6) })
raters <- within(raters, { r1t <- rater1 * timept; r2t <- rater2 * timept; r3t <- rater3 * timept })[c("response", "patient", "timept", "rater1", "rater2", "rater3", "r1t", "r2t", "r3t")]
report("lme4#630", "estimates changed with the order of rows (drawn)", raters, paste("response ~ 0 + rater1 + rater2 + rater3 + r1t + r2t + r3t",
       "+ (0 + rater1 + rater2 + rater3 | patient) + (0 + rater1 + rater2 + rater3 | patient:timept)"))
set.seed(1)
sizes <- transform(sleepstudy, var1 = runif(180, 1e6, 1e7), var2 = runif(180, 1e-7, 1e-6))
scaled <- best("Reaction ~ scale(var1) + scale(var2) + Days + (Days | Subject)", sizes, TRUE, NULL)
m <- report("lme4#731", "predictors of very different sizes need no scaling by hand", sizes, "Reaction ~ var1 + var2 + Days + (Days | Subject)")
stopifnot(all.equal(unname(fixef(m)[2:3] * c(sd(sizes$var1), sd(sizes$var2))), unname(fixef(scaled)[2:3]), tolerance = 1e-4))
set.seed(117)
pairs <- data.frame(id = rep(1:40, each = 2), x = rnorm(80))
pairs$y <- 1 + 0.5 * pairs$x + rnorm(40)[pairs$id] + rnorm(40, 0, 0.7)[pairs$id] * pairs$x + rnorm(80, 0, 0.4)
m <- report("lme4#117 and simr#288", "pairs of rows with a predictor that varies: as many random effects as rows, yet told apart (drawn)", pairs,
            "y ~ x + (x | id)")
agrees(m, y ~ x, pairs, ~ x | id)

# --- shares of variance and degrees of freedom
report("insight#304", "the variance of all random effects where they do not correlate", sleepstudy, "Reaction ~ Days + (Days || Subject)", want = "shares")
report("insight#312", "the same variance of the groups with and without an intercept", Penicillin, "diameter ~ 0 + sample + (1 | plate)", want = "shares",
       same_as = "diameter ~ sample + (1 | plate)")
report("performance#33", "shares of a singular fit: no variance between batches is an answer (lme4's Dyestuff2)", Dyestuff2, "Yield ~ 1 + (1 | Batch)", want = "shares")
report("performance#33", "shares of a singular fit with a slope (R's iris)", setNames(iris, gsub("[.]", "_", names(iris))),
       "Sepal_Length ~ Petal_Length + (Petal_Length | Species)", want = "shares")
report("parameters#227", "degrees of freedom of the coefficients, not of the residuals", sleepstudy, "Reaction ~ Days + (Days | Subject)", want = "df")
report("emmeans#150", "degrees of freedom in a split plot (nlme's Oats)", as.data.frame(Oats), "yield ~ Variety + C(nitro) + (1 | Block / Variety)", want = "df")

version <- function(package) as.character(packageVersion(package))
provenance <- list(R = R.version.string, lme4 = version("lme4"), nlme = version("nlme"), lmerTest = version("lmerTest"),
                   pbkrtest = version("pbkrtest"), command = "Rscript tests/oracles/reports.R")
writeLines(toJSON(list(provenance = provenance, reports = reports), auto_unbox = TRUE, digits = NA, na = "null", pretty = TRUE), file.path(here, "reports.json"))
