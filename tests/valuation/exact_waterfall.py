"""The priority of payments a second time, in exact fractions, written from its rules alone.

It shares no code with the product and takes the deal as plain JSON values.
"""

from fractions import Fraction


def exact(value) -> Fraction:
    """The decimal number that was written, not its nearest float."""
    return Fraction(str(value))


def run(deal: dict, haircut: Fraction = Fraction(0)) -> list[dict]:
    money_in = [exact(c) * (1 - haircut) for c in deal["collections"]]
    n = len(money_in)
    tranches = {"a": deal["A"], "b": deal.get("B", {"balance": 0, "coupon": 0})}
    owed = {k: exact(t["balance"]) for k, t in tranches.items()}
    coupon = {k: exact(t["coupon"]) / 12 for k, t in tranches.items()}
    plan = {
        k: [exact(x) for x in t["target"]] if t.get("target") else [Fraction(0)] * n
        for k, t in tranches.items()
    }
    late = {"a": Fraction(0), "b": Fraction(0), "fee": Fraction(0)}
    terms = deal.get("reserve", {})
    reserve = exact(terms.get("initial", 0))
    test = deal.get("oc")
    tripped = False
    months = []

    def reserve_goal() -> Fraction:
        if owed["a"] == 0:
            return Fraction(0)
        return max(exact(terms.get("pct", 0)) * owed["a"], exact(terms.get("floor", 0)))

    def interest(k: str) -> Fraction:
        extra = late[k] * coupon[k] if deal.get("ioi") else 0
        return owed[k] * coupon[k] + late[k] + extra

    for t in range(n):
        m = {"oc": None, "dscr": None}
        if test and owed["a"] > 0:
            if "asset_value" in test:
                assets = exact(test["asset_value"][t])
            else:
                assert test["asset_rate"] == 0, "exact fractions know no twelfth root"
                assets = sum(money_in[t + 1 :], Fraction(0))
            m["oc"] = (assets + money_in[t] + reserve) / owed["a"]
        fails = m["oc"] is not None and m["oc"] < exact(test["threshold"])
        tripped = fails or (tripped and not test.get("curable", False))
        m["triggered"] = tripped

        purse = {"cash": money_in[t], "reserve": reserve}
        goal = 0 if t == n - 1 else reserve_goal()
        m["reserve_release"] = max(purse["reserve"] - goal, Fraction(0))
        purse["reserve"] -= m["reserve_release"]
        purse["cash"] += m["reserve_release"]
        m["reserve_draw"] = Fraction(0)

        def take(amount, *, from_reserve=False, purse=purse, m=m) -> Fraction:
            paid = min(amount, purse["cash"])
            purse["cash"] -= paid
            if from_reserve:
                more = min(amount - paid, purse["reserve"])
                purse["reserve"] -= more
                m["reserve_draw"] += more
                paid += more
            return paid

        fee = exact(deal.get("fee_fixed", 0)) + exact(deal.get("fee_pct", 0)) * money_in[t]
        fee += late["fee"]
        m["fee"] = take(fee, from_reserve=True)
        late["fee"] = m["fee_unpaid"] = fee - m["fee"]

        due = interest("a")
        service = due + max(owed["a"] - plan["a"][t], Fraction(0))
        if service:
            m["dscr"] = (money_in[t] - fee) / service
        m["a_int"] = take(due, from_reserve=True)
        late["a"] = m["a_int_unpaid"] = due - m["a_int"]

        b_due = interest("b")
        m["reserve_topup"] = Fraction(0)
        order = ["a_prin", "b_int", "b_prin"] if tripped else ["b_int", "a_prin", "b_prin"]
        for step in order:
            if step == "b_int":
                m["b_int"] = take(b_due)
                late["b"] = m["b_int_unpaid"] = b_due - m["b_int"]
                continue
            k = step[0]
            down_to = 0 if tripped else plan[k][t]
            allowed = k == "a" or owed["a"] <= (0 if tripped else plan["a"][t])
            m[step] = take(max(owed[k] - down_to, Fraction(0))) if allowed else Fraction(0)
            owed[k] -= m[step]
        if not tripped and t < n - 1:
            m["reserve_topup"] = take(max(reserve_goal() - purse["reserve"], Fraction(0)))
        reserve = purse["reserve"] + m["reserve_topup"]
        m["reserve_end"] = reserve
        m["a_bal"], m["b_bal"] = owed["a"], owed["b"]
        m["residual"] = purse["cash"]
        months.append(m)
    return months
