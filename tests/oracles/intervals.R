# Golden confidence intervals: lme4's profile and Wald intervals, and what both should have been.
#
#   Rscript tests/oracles/intervals.R > tests/oracles/intervals.json
#
# Needs r-cran-lme4, r-cran-jsonlite. "profile" is confint(method = "profile"), whose limits are read off a spline
# through a few points of the profile; it stops with an error for the singular "tutorial slope". "solved" are the same
# limits by uniroot on lme4's own deviance: for a variance parameter on lme4:::devfun2 minimised over the others, for a
# fixed effect on refits without it. "wald" is confint(method = "Wald"), fixed effects only, and "delta" are normal
# intervals of the variance parameters from a dense likelihood and differences extrapolated to a step of zero.
suppressMessages({library(lme4); library(jsonlite); library(tools)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
digits <- function(x) sprintf("%.17g", x)

golden <- function(name) file.path(here, "goldens", paste0(name, ".csv"))
advertising <- file.path(here, "..", "..", "reference", "panels", "advertising.csv")
tutorial <- function() {
  a <- read.csv(advertising)
  data.frame(youtube = round(a$tv * 1.2, 2), facebook = round(a$radio * 1.2, 2), newspaper = round(a$newspaper * 1.2, 2),
             sales = round(a$sales * 1.2, 2), store_id = factor(rep(1:20, each = 10)), week = rep(1:10, times = 20))
}
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6), check.conv.singular = "ignore",
                       check.conv.grad = "ignore", check.conv.hess = "ignore")
fitted <- function(formula, data, REML = FALSE) suppressMessages(suppressWarnings(lmer(formula, data, REML = REML, control = control)))

solve_limit <- function(deviance_at, estimate, best, step, low = -Inf, high = Inf) {
  # The value on the far side of estimate + step (or the bound) where the profiled deviance is 3.84 above the best.
  excess <- function(value) deviance_at(value) - best - qchisq(0.95, 1)
  bound <- if (step < 0) low else high
  far <- estimate + step
  repeat {
    far <- if (step < 0) max(far, low) else min(far, high)
    if (excess(far) > 0) break
    if (far == bound) return(bound)
    far <- estimate + 1.6 * (far - estimate)
  }
  uniroot(excess, sort(c(estimate, far)), tol = 1e-10 * max(abs(far), abs(estimate)), maxiter = 200)$root
}
solved <- function(fit, data) {
  # Variance parameters in the order of lme4's confint, then the fixed effects.
  devfun <- suppressWarnings(lme4:::devfun2(fit, useSc = TRUE, signames = FALSE))
  best <- deviance(fit)
  at <- attr(devfun, "optimum")
  k <- length(at) - length(fixef(fit))
  at <- at[seq_len(k)]
  is_cor <- grepl("^cor_", names(at))
  low <- ifelse(is_cor, -1, 0); high <- ifelse(is_cor, 1, Inf)
  scale <- ifelse(is_cor, 1, pmax(abs(at), 1e-3 * at[k]))
  rows <- list()
  for (i in seq_len(k)) {
    last <- at[-i]
    deviance_at <- function(value) {
      whole <- function(free) { p <- at; p[i] <- value; p[-i] <- free * scale[-i]; d <- try(devfun(p), silent = TRUE); if (is.numeric(d) && is.finite(d)) d else 1e10 }
      if (k == 1) return(devfun(value))
      bounds <- list(ifelse(is_cor[-i], -0.9999999, 1e-9), ifelse(is_cor[-i], 0.9999999, Inf))
      start <- pmin(pmax(last / scale[-i], bounds[[1]] + 1e-3), bounds[[2]] - 1e-3)
      found <- nlminb(start, whole, lower = bounds[[1]], upper = bounds[[2]], control = list(rel.tol = 1e-15, x.tol = 1e-11, eval.max = 4000, iter.max = 2000))
      again <- nlminb(found$par, whole, lower = bounds[[1]], upper = bounds[[2]], control = list(rel.tol = 1e-15, x.tol = 1e-11, eval.max = 4000, iter.max = 2000))
      last <<- again$par * scale[-i]
      min(found$objective, again$objective)
    }
    step <- if (is_cor[i]) 0.2 else 0.3 * scale[i]
    # Neither a deviation nor a correlation is tried exactly at its bound, where devfun2 is not defined.
    lo <- solve_limit(deviance_at, at[i], best, -step, if (is_cor[i]) -0.999999 else 1e-7 * scale[i], Inf); last <- at[-i]
    hi <- solve_limit(deviance_at, at[i], best, step, -Inf, if (is_cor[i]) 0.999999 else Inf)
    rows[[names(at)[i]]] <- digits(c(lo, hi))
  }
  X <- getME(fit, "X"); se <- sqrt(diag(as.matrix(vcov(fit)))); bars <- sapply(findbars(formula(fit)), function(b) paste0("(", deparse(b), ")"))
  for (name in colnames(X)) {
    others <- X[, setdiff(colnames(X), name), drop = FALSE]
    data$.others <- others
    deviance_at <- function(value) {
      data$.left <- getME(fit, "y") - value * X[, name]
      fixed <- if (ncol(others)) "0 + .others" else "0"
      deviance(fitted(as.formula(paste(".left ~", fixed, "+", paste(bars, collapse = " + "))), data))
    }
    rows[[name]] <- digits(c(solve_limit(deviance_at, fixef(fit)[[name]], best, -2 * se[[name]]), solve_limit(deviance_at, fixef(fit)[[name]], best, 2 * se[[name]])))
  }
  rows
}
dense_delta <- function(fit) {
  # The limits of log deviations, of Fisher's z of correlations and of log sigma, for a fit with one random term.
  X <- getME(fit, "X"); y <- getME(fit, "y"); n <- length(y); group <- getME(fit, "flist")[[1]]; reml <- isREML(fit)
  Z <- getME(fit, "mmList")[[1]]; q <- ncol(Z); same <- outer(group, group, "==")
  criterion <- function(eta) {
    sd <- exp(eta[1:q]); R <- diag(q); if (q == 2) R[1, 2] <- R[2, 1] <- tanh(eta[3])
    U <- chol(same * (Z %*% (R * outer(sd, sd)) %*% t(Z)) + exp(2 * eta[length(eta)]) * diag(n))
    WX <- backsolve(U, X, transpose = TRUE); e <- backsolve(U, y, transpose = TRUE)
    A <- crossprod(WX); b <- solve(A, crossprod(WX, e))
    2 * sum(log(diag(U))) + sum((e - WX %*% b)^2) + if (reml) as.numeric(determinant(A)$modulus) else 0
  }
  vc <- VarCorr(fit)[[1]]; R <- attr(vc, "correlation")
  eta <- c(log(attr(vc, "stddev")), if (q == 2) atanh(R[2, 1]), log(sigma(fit)))
  second <- function(h) {
    k <- length(eta); at <- function(...) { e <- eta; for (m in list(...)) e[m[1]] <- e[m[1]] + m[2]; criterion(e) }
    outer(1:k, 1:k, Vectorize(function(i, j) (at(c(i, h), c(j, h)) - at(c(i, h), c(j, -h)) - at(c(i, -h), c(j, h)) + at(c(i, -h), c(j, -h))) / (4 * h^2)))
  }
  a <- second(0.04); b <- second(0.02); c <- second(0.01)
  H <- (64 * c - 20 * b + a) / 45
  reach <- qnorm(0.975) * sqrt(diag(2 * solve(H)))
  back <- c(rep(list(exp), q), if (q == 2) tanh, exp)
  rows <- lapply(seq_along(eta), function(i) digits(back[[i]](eta[i] + c(-1, 1) * reach[i])))
  setNames(rows, c(paste0("sd_", colnames(Z)), if (q == 2) "cor", "sigma"))
}
table_of <- function(limits) setNames(lapply(seq_len(nrow(limits)), function(i) digits(limits[i, ])), rownames(limits))
case <- function(name, formula, data, path, profiled = TRUE, dense = FALSE) {
  message(name)
  fit <- fitted(formula, data); reml <- fitted(formula, data, TRUE)
  wald <- function(fit) { limits <- confint(fit, method = "Wald", oldNames = FALSE); table_of(limits[!is.na(limits[, 1]), , drop = FALSE]) }
  list(name = name, formula = deparse1(formula), md5 = unname(md5sum(path)),
       profile = if (profiled) table_of(suppressWarnings(confint(fit, method = "profile", oldNames = FALSE, quiet = TRUE))),
       solved = solved(fit, data), wald = list(ml = wald(fit), reml = wald(reml)),
       delta = if (dense) list(ml = dense_delta(fit), reml = dense_delta(reml)))
}
read <- function(name) read.csv(golden(name), stringsAsFactors = TRUE)
fixed <- sales ~ week + youtube + facebook + newspaper
cases <- list(
  case("sleepstudy", Reaction ~ Days + (Days | Subject), transform(read("sleepstudy"), Subject = factor(Subject)), golden("sleepstudy"), dense = TRUE),
  case("Dyestuff", Yield ~ 1 + (1 | Batch), read("Dyestuff"), golden("Dyestuff"), dense = TRUE),
  case("Dyestuff2", Yield ~ 1 + (1 | Batch), read("Dyestuff2"), golden("Dyestuff2")),
  case("tutorial", update(fixed, . ~ . + (1 | store_id)), tutorial(), advertising, dense = TRUE),
  case("tutorial slope", update(fixed, . ~ . + (1 + youtube | store_id)), tutorial(), advertising, profiled = FALSE),
  case("Pastes", strength ~ 1 + (1 | batch) + (1 | batch:cask), read("Pastes"), golden("Pastes")),
  case("Penicillin", diameter ~ 1 + (1 | plate) + (1 | sample), read("Penicillin"), golden("Penicillin")))
out <- list(provenance = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                              command = "Rscript tests/oracles/intervals.R > tests/oracles/intervals.json"), level = 0.95, cases = cases)
cat(toJSON(out, auto_unbox = TRUE, pretty = TRUE, null = "null"), "\n")
